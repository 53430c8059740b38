/** Open sockets: what carries the lines of a relay to its devices. */

import { bytesToHex } from '@simsim/bytes';
import { CLOSE_MALFORMED, decodeClientFrame, encodeServerFrame } from '@simsim/relay-protocol';
import type { RawData, WebSocket } from 'ws';
import type { Wakeup } from '../core/decision.ts';
import type { LinesParts, OpenLine, Wire } from '../push/lines.ts';
import { Lines } from '../push/lines.ts';
import type { Rate } from './token-bucket.ts';
import { RateLimit } from './token-bucket.ts';

/** How long a stopping relay waits for a device to answer the close. */
const CLOSE_GRACE_MS = 1000;
const CLOSE_GOING_AWAY = 1001;
const CLOSE_TRY_AGAIN_LATER = 1013;

/**
 * How fast one device may connect. Each socket is sent up to a megabyte that nobody may read, and one that
 * was replaced is gone only after its close: a device of ours that fails to connect comes 12 times a minute.
 */
const CONNECT_RATE: Rate = { burst: 120, perMinute: 120 };

/** The sockets of a relay, one per device. */
export class Connections {
  readonly #lines: Lines;
  /** Whether each socket that is not gone answered since the last ping; refused ones are among them. */
  readonly #isAlive = new Map<WebSocket, boolean>();
  readonly #rate = new RateLimit(CONNECT_RATE);
  readonly #now: () => number;

  constructor(parts: LinesParts) {
    this.#lines = new Lines(parts);
    this.#now = parts.now;
  }

  /** How many devices are connected. */
  count(): number {
    return this.#lines.count();
  }

  /**
   * Takes a socket over. An unknown token closes it with 4401, a device that comes too often with 1013; an
   * older socket is closed with 4409.
   */
  accept(socket: WebSocket, tokenHash: Uint8Array | undefined): void {
    this.#isAlive.set(socket, true);
    socket.on('error', () => socket.terminate());
    socket.on('close', () => this.#isAlive.delete(socket));
    if (tokenHash !== undefined && this.#rate.take(bytesToHex(tokenHash), this.#now()) > 0) {
      socket.close(CLOSE_TRY_AGAIN_LATER);
      return;
    }
    const line = this.#lines.accept(wireOf(socket), tokenHash);
    if (line === undefined) return;
    socket.on('close', () => line.closed());
    socket.on('pong', () => this.#isAlive.set(socket, true));
    receive(socket, line);
  }

  /** Tells whom a commit concerns. */
  wake(wakeups: readonly Wakeup[]): void {
    this.#lines.wake(wakeups);
  }

  /** Pings everybody and ends those who answered no ping since the last call. */
  checkAlive(): void {
    for (const [socket, isAlive] of this.#isAlive) {
      if (isAlive) socket.ping();
      else socket.terminate();
      this.#isAlive.set(socket, false);
    }
  }

  /** Closes every socket; ends those that do not answer. */
  close(): void {
    this.#lines.close(CLOSE_GOING_AWAY);
    for (const socket of this.#isAlive.keys()) {
      setTimeout(() => socket.terminate(), CLOSE_GRACE_MS).unref();
    }
  }
}

function wireOf(socket: WebSocket): Wire {
  return {
    send: (frame, onSent) => socket.send(encodeServerFrame(frame), onSent),
    close: (code) => socket.close(code),
    isOpen: () => socket.readyState === socket.OPEN,
    bufferedBytes: () => socket.bufferedAmount,
  };
}

/** Reads no further than is decided: whoever acknowledges faster waits, and fills no queue here. */
function receive(socket: WebSocket, line: OpenLine): void {
  let undecided = 0;
  socket.on('message', (data, isBinary) => {
    const frame = isBinary ? decodeClientFrame(toBytes(data)) : undefined;
    if (frame?.ok !== true) return line.drop(CLOSE_MALFORMED);
    undecided++;
    socket.pause();
    void line.acknowledge(frame.value.seqs).finally(() => {
      undecided--;
      if (undecided === 0) socket.resume();
    });
  });
}

function toBytes(data: RawData): Uint8Array {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  const whole = Array.isArray(data) ? Buffer.concat(data) : data;
  return new Uint8Array(whole.buffer, whole.byteOffset, whole.byteLength);
}
