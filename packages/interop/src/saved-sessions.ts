/** Sessions as bytes between any two steps, as an application without our engine would keep them. */

import { concatBytes, invariant } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import type { Crypto, Part } from '@simsim/crypto';
import type { Session } from '@simsim/session';
import {
  changesOf,
  decodeBlock,
  decodeCold,
  decodeHot,
  encodeBlock,
  encodeCold,
  encodeHot,
  sessionId,
  withBlocks,
} from '@simsim/session';

/** Keeps sessions; nothing of a session is taken from memory once it has been saved. */
export interface SavedSessions {
  /** Writes what changed and answers the session as read back, without its skipped keys. */
  save(before: Session | undefined, after: Session): Session;
  /** The session with these blocks of skipped keys loaded. */
  load(session: Session, blockIds: readonly number[]): Session;
}

interface Saved {
  readonly hot: Uint8Array;
  readonly cold: Uint8Array;
  readonly blocks: ReadonlyMap<number, Uint8Array>;
}

/** An empty store. */
export function createSavedSessions(crypto: Crypto): SavedSessions {
  const savedById = new Map<string, Saved>();
  const bytesOf = (parts: readonly Part[]): Uint8Array =>
    concatBytes(
      parts.map((part) => (part instanceof Uint8Array ? part : crypto.exportSecret(part))),
    );
  return {
    save(before, after) {
      const id = sessionId(after);
      const old = savedById.get(id);
      const changes = changesOf(before, after);
      const blocks = new Map(old?.blocks);
      for (const block of changes.blocksWritten) blocks.set(block.id, bytesOf(encodeBlock(block)));
      for (const dropped of changes.blocksDropped) blocks.delete(dropped);
      const saved = {
        hot: changes.hot || old === undefined ? bytesOf(encodeHot(after.hot)) : old.hot,
        cold: changes.cold || old === undefined ? bytesOf(encodeCold(after.cold)) : old.cold,
        blocks,
      };
      savedById.set(id, saved);
      const hot = readable(decodeHot(saved.hot, crypto));
      return { hot, cold: readable(decodeCold(saved.cold, crypto)), blocks: new Map() };
    },
    load(session, blockIds) {
      const saved = savedById.get(sessionId(session))?.blocks;
      const blocks = blockIds.map((id) =>
        readable(decodeBlock(saved?.get(id) ?? new Uint8Array(0), crypto)),
      );
      return withBlocks(session, blocks);
    },
  };
}

function readable<T>(result: Result<T, { readonly code: string }>): T {
  invariant(result.ok, 'what was saved can be read');
  return result.value;
}
