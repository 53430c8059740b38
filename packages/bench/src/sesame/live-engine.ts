/**
 * The engine by itself, over states that are kept alive in memory: no log, nothing sealed. It is what a
 * library does that leaves keeping sessions to its user, and so what the peers do in memory.
 */

import { invariant } from '@simsim/bytes';
import { nodeCrypto, nodeEntropy } from '@simsim/crypto/node';
import type { CoreInput, DeviceCore } from '@simsim/device-core';
import { decide, NO_LOAD } from '@simsim/sesame';
import type {
  ChainView,
  Decision,
  Effect,
  EngineEnv,
  Input,
  PeerLoad,
  PendingPost,
  Slice,
  StreamId,
  StreamValue,
} from '@simsim/sesame';

interface Kept {
  readonly value: StreamValue | undefined;
  readonly isClosed: boolean;
}

/** Takes over the states of a device, which must not be used any more. */
export class LiveEngine implements Slice {
  readonly #from: DeviceCore;
  readonly #kept = new Map<StreamId, Kept>();
  readonly #pending = new Map<PendingPost['postId'], PendingPost>();

  constructor(from: DeviceCore) {
    this.#from = from;
  }

  /** Decides inputs in order, keeps what they change, wipes what they replace. */
  run(inputs: readonly CoreInput[]): { readonly effects: readonly Effect[] } {
    const effects: Effect[] = [];
    for (const input of inputs) {
      invariant(input.type !== 'acknowledged', 'an engine has no inbox');
      effects.push(...this.#take(this.#decide(input)));
    }
    return { effects };
  }

  /** Whether a post has no answer yet. */
  isPosting(): boolean {
    return this.#pending.size > 0;
  }

  #decide(input: Input): Decision {
    const clock = { wallMs: Date.now(), elapsedMs: 0, bootId: 'bench' };
    const env: EngineEnv = { crypto: nodeCrypto, entropy: nodeEntropy, clock };
    for (;;) {
      const result = decide(this, input, env);
      if (result.kind === 'decided') return result.decision;
      invariant(result.kind === 'needMore', 'inputs of a bench are taken');
      for (const stream of result.streams) this.#kept.set(stream, this.#from.reader().load(stream));
    }
  }

  #take({ changes, outboxPut, outboxDone, effects, consumed, next }: Decision): readonly Effect[] {
    for (const { stream, value, closes } of changes) {
      if (closes === true) this.#kept.set(stream, { value: undefined, isClosed: true });
      else if (value !== undefined) this.#kept.set(stream, { value, isClosed: false });
    }
    for (const { post, origin } of outboxPut) {
      this.#pending.set(post.postId, { postId: post.postId, origin });
    }
    for (const postId of outboxDone) this.#pending.delete(postId);
    for (const secret of consumed) nodeCrypto.wipe(secret);
    return [...effects, ...this.run(next).effects];
  }

  isLoaded(stream: StreamId): boolean {
    return this.#kept.has(stream);
  }

  value(stream: StreamId): StreamValue | undefined {
    return this.#kept.get(stream)?.value;
  }

  isClosed(stream: StreamId): boolean {
    return (this.#kept.get(stream) ?? this.#from.reader().load(stream)).isClosed;
  }

  live(prefix: string): readonly StreamId[] {
    return [...this.#kept]
      .filter(([stream, { value }]) => stream.startsWith(prefix) && value !== undefined)
      .map(([stream]) => stream);
  }

  isSeen(): boolean {
    return false;
  }

  load(): PeerLoad {
    return NO_LOAD;
  }

  chain(): ChainView {
    const { log } = this.#from;
    return { logId: log.logId, tip: log.tip(), link: (seq) => log.link(seq) };
  }

  pendingPosts(): readonly PendingPost[] {
    return [...this.#pending.values()];
  }
}
