/**
 * A way to a relay in the same process. What travels are bytes, as between machines: both ends encode,
 * decode and refuse, and neither gets hold of what the other one keeps.
 */

import type {
  FarListener,
  LineEnd,
  LineListener,
  RelayEnd,
  RelayLine,
  RelayOutcome,
  RelayRequest,
  RelayTransport,
} from '@simsim/relay-protocol';
import {
  ACKS_MAX,
  decodeClientFrame,
  decodeOutcome,
  decodeRequest,
  decodeServerFrame,
  encodeClientFrame,
  encodeOutcome,
  encodeRequest,
  encodeServerFrame,
  NEEDS_TOKEN,
  RelayUnavailableError,
} from '@simsim/relay-protocol';

/** A transport to this end of a relay. Everything arrives in order, and never at once. */
export function createMemoryTransport(end: RelayEnd): RelayTransport {
  return {
    async ask(request, token) {
      const sent = NEEDS_TOKEN[request.kind] ? token?.slice() : undefined;
      const arrived = decodeRequest(encodeRequest(request));
      if (!arrived.ok) return { ok: false, error: { code: 'MALFORMED' } };
      await Promise.resolve();
      const outcome = await answerOf(end, arrived.value, sent);
      const answer = decodeOutcome(encodeOutcome(outcome));
      if (!answer.ok) throw new RelayUnavailableError('malformed answer');
      const isOther = answer.value.ok && answer.value.value.kind !== request.kind;
      if (isOther) throw new RelayUnavailableError('the answer to another request');
      return answer.value;
    },
    connect: (token, listener) => openLine(end, listener, token?.slice()),
  };
}

async function answerOf(
  end: RelayEnd,
  request: RelayRequest,
  token: Uint8Array | undefined,
): Promise<RelayOutcome> {
  try {
    return await end.answer(request, token);
  } catch (cause) {
    throw new RelayUnavailableError('the relay failed', { cause });
  }
}

function openLine(end: RelayEnd, listener: LineListener, token: Uint8Array | undefined): RelayLine {
  let far: FarListener | undefined;
  let isHeard = true;
  let isDown = false;
  /** Later, in the order of the calls, unless the device has let go by then. */
  const tell = (run: () => void): void =>
    queueMicrotask(() => {
      if (isHeard) run();
    });
  const closed = (why: LineEnd): void => {
    if (isDown) return;
    isDown = true;
    tell(() => {
      isHeard = false;
      listener.onDown(why);
    });
    queueMicrotask(() => far?.onDown());
  };
  const letGo = (): void => {
    isHeard = false;
    if (isDown) return;
    isDown = true;
    queueMicrotask(() => far?.onDown());
  };
  tell(() => listener.onUp());
  queueMicrotask(() => {
    if (isDown) return;
    far = end.accept(
      {
        send(frame) {
          const arrived = decodeServerFrame(encodeServerFrame(frame));
          if (isDown) return;
          if (!arrived.ok) closed('lost');
          else tell(() => listener.onFrame(arrived.value));
        },
        close: closed,
      },
      token,
    );
  });
  return {
    acknowledge(seqs) {
      for (let from = 0; from < seqs.length && !isDown; from += ACKS_MAX) {
        const bytes = encodeClientFrame({ kind: 'ack', seqs: seqs.slice(from, from + ACKS_MAX) });
        const frame = decodeClientFrame(bytes);
        if (frame.ok) queueMicrotask(() => far?.onAck(frame.value.seqs));
      }
    },
    close: letGo,
    drop: letGo,
  };
}
