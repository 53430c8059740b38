/** Stream values as of the last commit, kept while they are used; a bounded memory of the log. */

import { invariant } from '@simsim/bytes';
import type { Crypto } from '@simsim/crypto';
import type { EventLog } from '@simsim/event-log';
import { decodeStreamValue, isRecordStream, valueOfKind } from '@simsim/sesame';
import type { StreamId, StreamKind, StreamValue, StreamValues } from '@simsim/sesame';

/** What is remembered of one stream; a value is absent where the stream is, or is closed. */
export interface CachedStream {
  readonly value: StreamValue | undefined;
  readonly isClosed: boolean;
}

/** Values kept for one device, less than twice as many: about 3 KB each with their native key objects. */
const CACHED_STREAMS = 4096;

/**
 * Loads stream values from the log and keeps the most recently used ones: those used since the cache was
 * last full, and those used in the time before.
 */
export class StreamCache {
  readonly #log: EventLog;
  readonly #crypto: Crypto;
  #recent = new Map<StreamId, CachedStream>();
  #former: ReadonlyMap<StreamId, CachedStream> = new Map();

  constructor(log: EventLog, crypto: Crypto) {
    this.#log = log;
    this.#crypto = crypto;
  }

  get(stream: StreamId): CachedStream | undefined {
    return this.#recent.get(stream) ?? this.#former.get(stream);
  }

  /** Reads a stream as of the last commit. */
  load(stream: StreamId): CachedStream {
    const recent = this.#recent.get(stream);
    if (recent !== undefined) return recent;
    const known = this.#former.get(stream) ?? this.#read(stream);
    this.set(stream, known);
    return known;
  }

  /** A stream's value as what its kind holds. */
  value<K extends StreamKind>(kind: K, stream: StreamId): StreamValues[K] | undefined {
    return valueOfKind(kind, this.load(stream).value);
  }

  /** Takes over a value that was just committed. */
  set(stream: StreamId, value: CachedStream): void {
    this.#recent.set(stream, value);
  }

  /** Forgets the least recently used values; never while a decision is running. */
  trim(): void {
    if (this.#recent.size < CACHED_STREAMS) return;
    this.#former = this.#recent;
    this.#recent = new Map();
  }

  /** Forgets everything, so that the log is read again. */
  clear(): void {
    this.#recent.clear();
    this.#former = new Map();
  }

  #read(stream: StreamId): CachedStream {
    const head = this.#log.head(stream);
    if (head === undefined) return { value: undefined, isClosed: false };
    if (head.isClosed) return { value: undefined, isClosed: true };
    const bytes = isRecordStream(stream) ? this.#log.record(stream) : this.#log.sealedValue(stream);
    if (bytes === undefined) return { value: undefined, isClosed: false };
    const value = decodeStreamValue(stream, bytes, this.#crypto);
    bytes.fill(0);
    invariant(value !== undefined, 'a stream reads back as it was written');
    return { value, isClosed: false };
  }
}
