# Two images from one build: `docker build --target gateway .` and `--target worker .`, for linux/amd64 and linux/arm64.
# What they hold is laid out by tools/pack-image.mjs, which the tests run and start without a container. Nothing in them is
# written to at run time: they run as `node`, also with a root file system that is read-only. A worker keeps measured run
# times in /data, so that it need not measure again.
FROM node:22.20.0-bookworm-slim AS build
WORKDIR /src
COPY . .
RUN npm ci && npm run build
RUN node tools/pack-image.mjs gateway /out/gateway && node tools/pack-image.mjs worker /out/worker

FROM node:22.20.0-bookworm-slim AS base
# glibc keeps what large buffers leave behind unless it is told to give them back; see apps/cli/src/up.ts.
ENV NODE_ENV=production MALLOC_MMAP_THRESHOLD_=1048576
WORKDIR /app
RUN mkdir /data && chown node:node /data
USER node

FROM base AS gateway
COPY --from=build /out/gateway /app
EXPOSE 8000 8001 8002
ENTRYPOINT ["node", "--max-semi-space-size=16", "apps/gateway/dist/main.js"]

FROM base AS worker
# onnxruntime reports nothing to its makers; the worker says so as well.
ENV ORT_DISABLE_TELEMETRY=1
COPY --from=build /out/worker /app
ENV BATCHYARD_MODELS=/models BATCHYARD_DATA=/data WORKER_OPS_PORT=8003
EXPOSE 8003
ENTRYPOINT ["node", "--max-semi-space-size=16", "apps/worker/dist/main.js"]
