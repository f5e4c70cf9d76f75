#!/bin/sh
# An image file, then logo-router, then quality-predictor for each route, then a decision. Needs curl, od and awk.
#   node examples/make-image.mjs logo.ppm && examples/route-image.sh logo.ppm [http://127.0.0.1:8000]
set -eu
image=${1:-logo.ppm}
url=${2:-http://127.0.0.1:8000}
head=13 # bytes of "P6\n64 64\n255\n"

if [ "$(head -c $head "$image" | tr '\n' ' ')" != "P6 64 64 255 " ]; then
  echo "$image is no PPM (P6) of 64 x 64" >&2
  exit 1
fi

ask() { # ask <model>: the request is on stdin, the numbers of its only output come out, one a line
  curl -sS --fail-with-body ${BATCHYARD_KEY:+-H "Authorization: Bearer $BATCHYARD_KEY"} \
    "$url/v2/models/$1/infer" --data-binary @- | sed 's/.*"data":\[\([^]]*\)\].*/\1/' | tr ',' '\n'
  echo
}

# One value a line: red, green and blue of each pixel, row by row.
values() { od -An -v -tu1 -w1 -j $head "$image"; }

scores=$(values | awk '
  { value[NR - 1] = $1 / 255 }
  END {
    printf "{\"inputs\":[{\"name\":\"IMAGE\",\"datatype\":\"FP32\",\"shape\":[1,3,64,64],\"data\":["
    for (channel = 0; channel < 3; channel++)
      for (i = 0; i < 4096; i++) printf "%s%.7g", (channel + i ? "," : ""), value[3 * i + channel]
    printf "]}]}"
  }' | ask logo-router)

# The eight figures of models/quality-predictor/README.md, and one row for each route.
qualities=$(values | awk '
  function abs(a) { return a < 0 ? -a : a }
  { value[NR - 1] = $1 / 255 }
  END {
    for (i = 0; i < 4096; i++) {
      r = value[3 * i]; g = value[3 * i + 1]; b = value[3 * i + 2]
      light[i] = 0.299 * r + 0.587 * g + 0.114 * b
      sum += light[i]
      most = r > g ? r : g; if (b > most) most = b
      least = r < g ? r : g; if (b < least) least = b
      saturation += most - least
      bin[(r < 1 ? int(r * 4) : 3) * 16 + (g < 1 ? int(g * 4) : 3) * 4 + (b < 1 ? int(b * 4) : 3)]++
    }
    mean = sum / 4096
    for (i = 0; i < 4096; i++) square += (light[i] - mean) ^ 2
    for (y = 0; y < 63; y++)
      for (x = 0; x < 63; x++) {
        i = 64 * y + x
        slope = abs(light[i + 1] - light[i]); below = abs(light[i + 64] - light[i])
        if (below > slope) slope = below
        slopes += slope; edges += slope > 0.1; flats += slope < 0.01
      }
    for (y = 1; y < 63; y++)
      for (x = 1; x < 63; x++) {
        i = 64 * y + x
        bends += abs(4 * light[i] - light[i - 64] - light[i + 64] - light[i - 1] - light[i + 1])
      }
    for (k in bin) bins += bin[k] > 20.48
    figures = sprintf("%.7g,%.7g,%.7g,%.7g,%.7g,%.7g,%.7g,%.7g", mean, sqrt(square / 4096), saturation / 4096,
      edges / 3969, slopes / 3969, flats / 3969, bends / 3844, bins / 64)
    printf "{\"inputs\":[{\"name\":\"FEATURES\",\"datatype\":\"FP32\",\"shape\":[4,12],\"data\":["
    for (route = 0; route < 4; route++) {
      printf "%s%s", (route ? "," : ""), figures
      for (other = 0; other < 4; other++) printf ",%d", other == route
    }
    printf "]}]}"
  }' | ask quality-predictor)

printf '%s\n' "$scores" "$qualities" | awk '
  BEGIN { split("trace_flat trace_lines gradient_mesh embed_raster", route, " "); best = 1 }
  NR <= 4 { score[NR] = $1 }
  NR > 4 { quality[NR - 4] = $1 }
  END {
    if (NR != 8) { print "the answers cannot be read" > "/dev/stderr"; exit 1 }
    for (i = 1; i <= 4; i++) {
      printf "%-14s probability %.2f  expected quality %.2f\n", route[i], score[i], quality[i]
      if (score[i] * quality[i] > score[best] * quality[best]) best = i
    }
    print "decision: " (quality[best] < 0.5 ? "ask a person" : route[best])
  }'
