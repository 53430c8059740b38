/** Open sockets: mail is pushed as it is committed, acknowledgements come back. */

import type { IncomingEnvelope, ServerFrame } from '@simsim/relay-protocol';
import {
  BATCH_BYTES_MAX,
  CLOSE_CONNECTED_ELSEWHERE,
  CLOSE_MALFORMED,
  CLOSE_UNAUTHORIZED,
  decodeClientFrame,
  encodeServerFrame,
  ENVELOPES_PER_BATCH_MAX,
  IN_FLIGHT_MAX,
  KEM_PRE_KEYS_LOW,
  PRE_KEYS_LOW,
} from '@simsim/relay-protocol';
import type { RawData, WebSocket } from 'ws';
import { toIncoming } from '../core/decide-mail.ts';
import type { Wakeup } from '../core/decision.ts';
import type { DeviceAddress } from '../core/slice.ts';
import { addressKey } from '../core/slice.ts';
import type { RelayStore } from '../core/store.ts';
import type { GroupCommit } from './group-commit.ts';

/** Bytes a slow socket may have waiting before the relay stops pushing to it (1 MiB). */
const BUFFERED_BYTES_MAX = 1024 * 1024;
/** How long a stopping relay waits for a device to answer the close. */
const CLOSE_GRACE_MS = 1000;
const CLOSE_GOING_AWAY = 1001;
const CLOSE_INTERNAL_ERROR = 1011;

/** What connections work with. */
export interface ConnectionParts {
  readonly store: RelayStore;
  readonly commit: GroupCommit;
  /** The relay's clock in milliseconds. */
  readonly now: () => number;
}

/** One device's socket. */
interface Connection {
  readonly socket: WebSocket;
  readonly device: DeviceAddress;
  readonly tokenHash: Uint8Array;
  /** Pushed and not acknowledged. */
  readonly inFlight: Set<number>;
  lastSeq: number;
  isBacklogSent: boolean;
  isAlive: boolean;
  /** Pushing stopped because the socket took no more. */
  isSlow: boolean;
}

/** The sockets of a relay, one per device. */
export class Connections {
  readonly #parts: ConnectionParts;
  readonly #byDevice = new Map<string, Connection>();

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
  }

  /** How many devices are connected. */
  count(): number {
    return this.#byDevice.size;
  }

  /** Takes a socket over. An unknown token closes it with 4401, an older socket with 4409. */
  accept(socket: WebSocket, tokenHash: Uint8Array | undefined): void {
    socket.on('error', () => socket.terminate());
    const query = tokenHash && { tokenHash, ownKeys: { oneTime: [], kem: [] } };
    const slice = query && this.#parts.store.read(query);
    if (tokenHash === undefined || slice?.caller === undefined) {
      socket.close(CLOSE_UNAUTHORIZED);
      return;
    }
    const device = slice.caller;
    const key = addressKey(device);
    this.#byDevice.get(key)?.socket.close(CLOSE_CONNECTED_ELSEWHERE);
    const connection: Connection = {
      socket,
      device,
      tokenHash,
      inFlight: new Set(),
      lastSeq: 0,
      isBacklogSent: false,
      isAlive: true,
      isSlow: false,
    };
    this.#byDevice.set(key, connection);
    socket.on('close', () => {
      if (this.#byDevice.get(key) === connection) this.#byDevice.delete(key);
    });
    socket.on('pong', () => {
      connection.isAlive = true;
    });
    socket.on('message', (data, isBinary) => {
      if (isBinary) this.#receive(connection, toBytes(data));
      else socket.close(CLOSE_MALFORMED);
    });
    const count = slice.ownKeys?.count ?? 0;
    const kemCount = slice.ownKeys?.kem.count ?? 0;
    if (count < PRE_KEYS_LOW || kemCount < KEM_PRE_KEYS_LOW) {
      send(connection, { kind: 'keysLow', count, kemCount });
    }
    this.#push(connection);
  }

  /** Tells whom a commit concerns. */
  wake(wakeups: readonly Wakeup[]): void {
    const due = new Set<Connection>();
    for (const wakeup of wakeups) {
      const connection = this.#byDevice.get(addressKey(wakeup.device));
      if (connection === undefined) continue;
      if (wakeup.kind === 'mail') due.add(connection);
      if (wakeup.kind === 'keysLow') {
        const { count, kemCount } = wakeup;
        send(connection, { kind: 'keysLow', count, kemCount });
      }
      if (wakeup.kind === 'removed') this.#drop(connection, CLOSE_UNAUTHORIZED);
    }
    for (const connection of due) this.#push(connection);
  }

  /** Pings everybody and ends those who answered no ping since the last call. */
  checkAlive(): void {
    for (const connection of this.#byDevice.values()) {
      if (connection.isAlive) connection.socket.ping();
      else connection.socket.terminate();
      connection.isAlive = false;
    }
  }

  /** Closes every socket; ends those that do not answer. */
  close(): void {
    for (const connection of this.#byDevice.values()) {
      this.#drop(connection, CLOSE_GOING_AWAY);
      setTimeout(() => connection.socket.terminate(), CLOSE_GRACE_MS).unref();
    }
  }

  #push(connection: Connection): void {
    const { socket, tokenHash, inFlight } = connection;
    while (this.#isOpen(connection)) {
      const limit = Math.min(ENVELOPES_PER_BATCH_MAX, IN_FLIGHT_MAX - inFlight.size);
      if (limit <= 0) return;
      connection.isSlow = socket.bufferedAmount > BUFFERED_BYTES_MAX;
      if (connection.isSlow) return;
      const mail = { after: connection.lastSeq, limit, bytesMax: BATCH_BYTES_MAX };
      const slice = this.#parts.store.read({ tokenHash, mail });
      if (slice.mail === undefined) return this.#drop(connection, CLOSE_UNAUTHORIZED);
      const nowMs = this.#parts.now();
      const envelopes = slice.mail.mail.map((one) => toIncoming(one, nowMs));
      if (envelopes.length > 0) this.#sendMail(connection, envelopes);
      if (!slice.mail.isEmpty) continue;
      if (!connection.isBacklogSent) send(connection, { kind: 'queueEmpty' });
      connection.isBacklogSent = true;
      return;
    }
  }

  #sendMail(connection: Connection, envelopes: readonly IncomingEnvelope[]): void {
    for (const { seq } of envelopes) {
      connection.inFlight.add(seq);
      connection.lastSeq = seq;
    }
    // A socket that was too slow goes on once this frame has left.
    const goOn = (): void => {
      if (connection.isSlow) this.#push(connection);
    };
    connection.socket.send(encodeServerFrame({ kind: 'envelopes', envelopes }), goOn);
  }

  #receive(connection: Connection, bytes: Uint8Array): void {
    const frame = decodeClientFrame(bytes);
    if (!frame.ok) return this.#drop(connection, CLOSE_MALFORMED);
    const { seqs } = frame.value;
    const { tokenHash, inFlight } = connection;
    void this.#parts.commit
      .submit({ request: { kind: 'ack', seqs }, tokenHash })
      .then((outcome) => {
        if (!outcome.ok) {
          const isRevoked = outcome.error.code === 'UNAUTHORIZED';
          return this.#drop(connection, isRevoked ? CLOSE_UNAUTHORIZED : CLOSE_INTERNAL_ERROR);
        }
        const wasFull = inFlight.size >= IN_FLIGHT_MAX;
        for (const seq of seqs) inFlight.delete(seq);
        if (wasFull || !connection.isBacklogSent) this.#push(connection);
      });
  }

  #isOpen(connection: Connection): boolean {
    const isCurrent = this.#byDevice.get(addressKey(connection.device)) === connection;
    return isCurrent && connection.socket.readyState === connection.socket.OPEN;
  }

  #drop(connection: Connection, code: number): void {
    const key = addressKey(connection.device);
    if (this.#byDevice.get(key) === connection) this.#byDevice.delete(key);
    connection.socket.close(code);
  }
}

function send(connection: Connection, frame: ServerFrame): void {
  connection.socket.send(encodeServerFrame(frame));
}

function toBytes(data: RawData): Uint8Array {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  const whole = Array.isArray(data) ? Buffer.concat(data) : data;
  return new Uint8Array(whole.buffer, whole.byteOffset, whole.byteLength);
}
