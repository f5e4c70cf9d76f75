/**
 * ModelStreamInfer: the requests of a stream are computed side by side and answered in their order; how many of them at once
 * is for the guard. One that fails is answered so, and the stream goes on.
 */
import type { handleBidiStreamingCall } from '@grpc/grpc-js';

import { Failure } from '@batchyard/shared/contract/failure';

import type { GrpcInferResponse } from '../protocol/grpc-messages.ts';
import { errorOf, statusOf } from './call-status.ts';
import { headersOf, onHangUp, type createAnswer, type Message, type toldTo } from './infer-calls.ts';

type StreamAnswer = { error_message: string; infer_response: Partial<GrpcInferResponse> };

type StreamCalls = {
  readonly stream: handleBidiStreamingCall<Message, StreamAnswer>;
  /** Streams take nothing more, and end once they have answered. */
  drain(): void;
};

export function createStreamCalls(
  answer: ReturnType<typeof createAnswer>,
  told: ReturnType<typeof toldTo>,
): StreamCalls {
  const streams = new Set<() => void>();

  const stream: StreamCalls['stream'] = (call) => {
    let pending = 0;
    let [isOver, isEnded, isDraining] = [false, false, false];
    let before = Promise.resolve();
    /** One of each request: a promise that lived as long as the stream would hold on to all that has waited for it. */
    const leaving = new Set<() => void>();
    const headers = headersOf(call.metadata);
    const terms = { headers, deadline: Number(call.getDeadline()) };

    function end(): void {
      if (isOver || pending > 0) return;
      isOver = true;
      streams.delete(drain);
      if (isDraining) call.emit('error', errorOf(statusOf(new Failure('draining', 'the server is shutting down'))));
      else call.end();
    }
    function drain(): void {
      isDraining = true;
      call.pause();
      end();
    }
    async function answered(message: Message): Promise<StreamAnswer> {
      let leave = (): void => undefined;
      const gone = new Promise<void>((resolve) => (leave = resolve));
      leaving.add(leave);
      try {
        return { error_message: '', infer_response: await answer(message, { ...terms, gone }, true) };
      } catch (error) {
        const { id, model_name, model_version } = message;
        const { details } = told(error, headers);
        return { error_message: details, infer_response: { id, model_name, model_version } };
      } finally {
        leaving.delete(leave);
      }
    }
    async function respond(own: Promise<StreamAnswer>, earlier: Promise<void>): Promise<void> {
      await earlier;
      const response = await own;
      pending -= 1;
      if (!call.destroyed && !isOver) call.write(response);
      if (isEnded || isDraining) end();
    }

    streams.add(drain);
    call.on('data', (message: Message) => {
      pending += 1;
      before = respond(answered(message), before);
    });
    call.on('end', () => {
      isEnded = true;
      end();
    });
    const leaveAll = (): void => {
      isOver = true;
      streams.delete(drain);
      for (const leave of leaving) leave();
    };
    onHangUp(call, () => isOver, leaveAll);
  };

  return {
    stream,
    drain() {
      for (const one of streams) one();
    },
  };
}
