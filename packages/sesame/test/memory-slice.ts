/** A slice in memory, for giving the engine a past. It keeps what decisions say and nothing else. */

import type {
  ChainView,
  DecideResult,
  EngineEnv,
  Input,
  PeerLoad,
  PendingPost,
  Slice,
  StreamId,
  StreamValue,
} from '../src/index.ts';
import { decide, NO_LOAD } from '../src/index.ts';
import { crypto, entropyOf } from './arbitraries.ts';

/** The state after some inputs. */
export class MemorySlice implements Slice {
  env: EngineEnv;
  readonly values: Map<StreamId, StreamValue> = new Map<StreamId, StreamValue>();
  readonly closed: Set<StreamId> = new Set<StreamId>();
  /** A log of one event, unless a test says otherwise. */
  log: ChainView = {
    logId: new Uint8Array(16),
    tip: { seq: 1, hash: new Uint8Array(32).fill(1) },
    link: (seq) => new Uint8Array(32).fill(seq),
  };
  posts: PendingPost[] = [];
  readonly #loaded = new Set<StreamId>();

  constructor(seed = 1) {
    const clock = { wallMs: 1_700_000_000_000, elapsedMs: 5, bootId: 'test' };
    this.env = { crypto, entropy: entropyOf(seed), clock };
  }

  isLoaded(stream: StreamId): boolean {
    return this.#loaded.has(stream);
  }

  value(stream: StreamId): StreamValue | undefined {
    return this.values.get(stream);
  }

  isClosed(stream: StreamId): boolean {
    return this.closed.has(stream);
  }

  live(prefix: string): readonly StreamId[] {
    return [...this.values.keys()].filter((stream) => stream.startsWith(prefix));
  }

  load(): PeerLoad {
    return NO_LOAD;
  }

  isSeen(): boolean {
    return false;
  }

  chain(): ChainView {
    return this.log;
  }

  pendingPosts(): readonly PendingPost[] {
    return this.posts;
  }

  /** Decides an input, loading what is asked for; nothing is kept of it. */
  decide(input: Input): Exclude<DecideResult, { kind: 'needMore' }> {
    for (;;) {
      const result = decide(this, input, this.env);
      if (result.kind !== 'needMore') return result;
      for (const stream of result.streams) this.#loaded.add(stream);
    }
  }

  /** Decides an input that must be taken, and keeps what it changes. */
  take(input: Input): Extract<DecideResult, { kind: 'decided' }>['decision'] {
    const result = this.decide(input);
    if (result.kind === 'refused') throw new Error(`refused: ${result.rejection.code}`);
    for (const { stream, value, closes } of result.decision.changes) {
      this.#loaded.add(stream);
      if (value !== undefined) this.values.set(stream, value);
      if (closes !== true) continue;
      this.values.delete(stream);
      this.closed.add(stream);
    }
    return result.decision;
  }
}
