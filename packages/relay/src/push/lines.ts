/** The lines of a relay, one per device: mail is pushed as it is committed, whatever carries it. */

import type { IncomingEnvelope, RelayOutcome, ServerFrame } from '@simsim/relay-protocol';
import {
  BATCH_BYTES_MAX,
  CLOSE_CONNECTED_ELSEWHERE,
  CLOSE_UNAUTHORIZED,
  ENVELOPES_PER_BATCH_MAX,
  IN_FLIGHT_MAX,
  KEM_PRE_KEYS_LOW,
  PRE_KEYS_LOW,
} from '@simsim/relay-protocol';
import { toIncoming } from '../core/decide-mail.ts';
import type { RelayCall, Wakeup } from '../core/decision.ts';
import type { DeviceAddress } from '../core/slice.ts';
import { addressKey } from '../core/slice.ts';
import type { RelayStore } from '../core/store.ts';

/** Bytes a slow line may have waiting before the relay stops pushing to it (1 MiB). */
const BUFFERED_BYTES_MAX = 1024 * 1024;
const CLOSE_INTERNAL_ERROR = 1011;

/** What carries a line. */
export interface Wire {
  /** `onSent`: the frame has left this machine. */
  send(frame: ServerFrame, onSent?: () => void): void;
  close(code: number): void;
  isOpen(): boolean;
  /** Bytes that have not left yet. */
  bufferedBytes(): number;
}

/** What lines work with. */
export interface LinesParts {
  readonly store: Pick<RelayStore, 'read'>;
  /** Decides a call; resolves once its changes are durable. */
  readonly submit: (call: RelayCall) => Promise<RelayOutcome>;
  /** The relay's clock in milliseconds. */
  readonly now: () => number;
  /** Called where mail could not be read; the line it was for is closed. */
  readonly onFailure?: (error: unknown) => void;
}

/** A line that was taken over. */
export interface OpenLine {
  /** Resolves once it is decided; whatever carries the line takes no more until then. */
  acknowledge(seqs: readonly number[]): Promise<void>;
  /** Closes it for what the device did. */
  drop(code: number): void;
  /** The wire is gone. */
  closed(): void;
}

interface Line {
  readonly wire: Wire;
  readonly device: DeviceAddress;
  readonly tokenHash: Uint8Array;
  /** Pushed and not acknowledged. */
  readonly inFlight: Set<number>;
  lastSeq: number;
  isBacklogSent: boolean;
  /** Pushing stopped because the wire took no more. */
  isSlow: boolean;
}

/** The lines of a relay. */
export class Lines {
  readonly #parts: LinesParts;
  readonly #byDevice = new Map<string, Line>();

  constructor(parts: LinesParts) {
    this.#parts = parts;
  }

  /** How many devices are connected. */
  count(): number {
    return this.#byDevice.size;
  }

  /** Takes a line over. An unknown token closes it with 4401, an older line of the device with 4409. */
  accept(wire: Wire, tokenHash: Uint8Array | undefined): OpenLine | undefined {
    try {
      return this.#accept(wire, tokenHash);
    } catch (error) {
      this.#parts.onFailure?.(error);
      wire.close(CLOSE_INTERNAL_ERROR);
      return undefined;
    }
  }

  #accept(wire: Wire, tokenHash: Uint8Array | undefined): OpenLine | undefined {
    const query = tokenHash && { tokenHash, ownKeys: { oneTime: [], kem: [] } };
    const slice = query && this.#parts.store.read(query);
    if (tokenHash === undefined || slice?.caller === undefined) {
      wire.close(CLOSE_UNAUTHORIZED);
      return undefined;
    }
    const device = slice.caller;
    const key = addressKey(device);
    this.#byDevice.get(key)?.wire.close(CLOSE_CONNECTED_ELSEWHERE);
    const line: Line = {
      wire,
      device,
      tokenHash,
      inFlight: new Set(),
      lastSeq: 0,
      isBacklogSent: false,
      isSlow: false,
    };
    this.#byDevice.set(key, line);
    const count = slice.ownKeys?.count ?? 0;
    const kemCount = slice.ownKeys?.kem.count ?? 0;
    if (count < PRE_KEYS_LOW || kemCount < KEM_PRE_KEYS_LOW) {
      wire.send({ kind: 'keysLow', count, kemCount });
    }
    this.#push(line);
    return {
      acknowledge: (seqs) => this.#acknowledge(line, seqs),
      drop: (code) => this.#drop(line, code),
      closed: () => this.#forget(line),
    };
  }

  /** Tells whom a commit concerns. */
  wake(wakeups: readonly Wakeup[]): void {
    const due = new Set<Line>();
    for (const wakeup of wakeups) {
      const line = this.#byDevice.get(addressKey(wakeup.device));
      if (line === undefined) continue;
      if (wakeup.kind === 'mail') due.add(line);
      if (wakeup.kind === 'keysLow') {
        const { count, kemCount } = wakeup;
        line.wire.send({ kind: 'keysLow', count, kemCount });
      }
      if (wakeup.kind === 'removed') this.#drop(line, CLOSE_UNAUTHORIZED);
    }
    for (const line of due) this.#push(line);
  }

  /** Closes every line. */
  close(code: number): void {
    for (const line of this.#byDevice.values()) this.#drop(line, code);
  }

  /** Whatever is wrong with one mailbox ends its own line, and nobody else's. */
  #push(line: Line): void {
    try {
      this.#pushAll(line);
    } catch (error) {
      this.#parts.onFailure?.(error);
      this.#drop(line, CLOSE_INTERNAL_ERROR);
    }
  }

  #pushAll(line: Line): void {
    const { wire, tokenHash, inFlight } = line;
    while (this.#isOpen(line)) {
      const limit = Math.min(ENVELOPES_PER_BATCH_MAX, IN_FLIGHT_MAX - inFlight.size);
      if (limit <= 0) return;
      line.isSlow = wire.bufferedBytes() > BUFFERED_BYTES_MAX;
      if (line.isSlow) return;
      const mail = { after: line.lastSeq, limit, bytesMax: BATCH_BYTES_MAX };
      const slice = this.#parts.store.read({ tokenHash, mail });
      if (slice.mail === undefined) return this.#drop(line, CLOSE_UNAUTHORIZED);
      const nowMs = this.#parts.now();
      const envelopes = slice.mail.mail.map((one) => toIncoming(one, nowMs));
      if (envelopes.length > 0) this.#sendMail(line, envelopes);
      if (!slice.mail.isEmpty) continue;
      if (!line.isBacklogSent) wire.send({ kind: 'queueEmpty' });
      line.isBacklogSent = true;
      return;
    }
  }

  #sendMail(line: Line, envelopes: readonly IncomingEnvelope[]): void {
    for (const { seq } of envelopes) {
      line.inFlight.add(seq);
      line.lastSeq = seq;
    }
    // A line that was too slow goes on once this frame has left.
    line.wire.send({ kind: 'envelopes', envelopes }, () => {
      if (line.isSlow) this.#push(line);
    });
  }

  async #acknowledge(line: Line, seqs: readonly number[]): Promise<void> {
    const { tokenHash, inFlight } = line;
    const outcome = await this.#parts.submit({ request: { kind: 'ack', seqs }, tokenHash });
    if (!outcome.ok) {
      const isRevoked = outcome.error.code === 'UNAUTHORIZED';
      return this.#drop(line, isRevoked ? CLOSE_UNAUTHORIZED : CLOSE_INTERNAL_ERROR);
    }
    const wasFull = inFlight.size >= IN_FLIGHT_MAX;
    for (const seq of seqs) inFlight.delete(seq);
    if (wasFull || !line.isBacklogSent) this.#push(line);
  }

  #isOpen(line: Line): boolean {
    return this.#byDevice.get(addressKey(line.device)) === line && line.wire.isOpen();
  }

  #drop(line: Line, code: number): void {
    this.#forget(line);
    line.wire.close(code);
  }

  #forget(line: Line): void {
    const key = addressKey(line.device);
    if (this.#byDevice.get(key) === line) this.#byDevice.delete(key);
  }
}
