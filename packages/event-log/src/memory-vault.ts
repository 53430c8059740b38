/** A vault whose durable pages are in memory: for tests and the simulator. */

import { invariant } from '@simsim/bytes';
import type { Crypto, Entropy } from '@simsim/crypto';
import { genesisHash } from './chain.ts';
import type { Chaos } from './chaos.ts';
import { createSlotVault, createVaultImage } from './slot-vault.ts';
import type { VaultImage } from './slot-vault.ts';
import type { Anchor, Vault } from './vault.ts';

/** Bytes of a log id. */
export const LOG_ID_BYTES = 16;

/** What a memory vault is made of. */
export interface MemoryVaultOptions {
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  /** Default: drawn from `entropy`. */
  readonly logId?: Uint8Array;
  readonly poolMin?: number;
  /** The durable content of an earlier vault: what a process finds after it was killed. */
  readonly from?: VaultImage;
  readonly chaos?: Chaos;
}

/** A vault that shows what would survive a kill. */
export interface MemoryVault extends Vault {
  /** A copy of what the last flush made durable. Holds keys: for tests only. */
  image(): VaultImage;
}

/** Makes a new vault, or opens the image of one. */
export function createMemoryVault(options: MemoryVaultOptions): MemoryVault {
  const { crypto, entropy } = options;
  const logId = options.logId ?? entropy(LOG_ID_BYTES);
  const start = options.from ?? createVaultImage(entropy, genesisHash(crypto, logId));
  let anchor: Anchor = start.anchor;
  const durable = start.pages.map((page) => page.slice());
  const medium = {
    write(
      next: Anchor,
      pages: readonly { readonly page: number; readonly bytes: Uint8Array }[],
    ): void {
      options.chaos?.at('vault:before-copy');
      for (const { page, bytes } of pages) durable[page] = bytes.slice();
      anchor = next;
      options.chaos?.at('vault:copy-synced');
      options.chaos?.at('vault:before-zero');
      options.chaos?.at('vault:done');
    },
    settle(): void {},
    // Nobody else can reach this memory.
    read: () => undefined,
    // Nothing is sealed here, so there is no key to replace.
    rotate(): void {},
    unrotated: () => undefined,
    rotationHindrance: () => undefined,
    close(): void {},
  };
  const poolMin = options.poolMin === undefined ? {} : { poolMin: options.poolMin };
  const pages = start.pages.map((page) => page.slice());
  const vault = createSlotVault({ crypto, entropy, logId, medium, ...poolMin }, { anchor, pages });
  invariant(vault !== undefined, 'a memory vault keeps sound pages');
  return { ...vault, image: () => ({ anchor, pages: durable.map((page) => page.slice()) }) };
}
