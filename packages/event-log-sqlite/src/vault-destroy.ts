/** Destroying a vault for good, where its log has moved or the device has ended. */

import type { StoreRefusal } from '@simsim/event-log';
import { nodeFiles } from './file-system.ts';
import { clearHeaders } from './vault-image.ts';
import type { VaultReadOptions } from './vault-read.ts';
import { vaultFailed } from './vault-refusal.ts';
import { createWrappingKeys } from './vault-wrapping.ts';

/**
 * Makes a vault's keychain forget it, overwrites the file in place, as far as the medium does that, and
 * removes it; nothing where there is none. A call that was cut off is finished by the next one.
 *
 * Refuses: `VAULT_KEY_UNAVAILABLE` (nothing is destroyed then), `VAULT_FAILED`.
 */
export function destroyVaultFile(
  path: string,
  { crypto, key, files = nodeFiles }: VaultReadOptions,
): StoreRefusal | undefined {
  try {
    if (!files.exists(path)) return undefined;
    const bytes = files.read(path);
    const headers = clearHeaders(crypto, bytes);
    for (const { clear } of headers.ok ? headers.value : []) {
      const refusal = createWrappingKeys({ crypto, key, vaultId: clear.vaultId }).forgetAll();
      if (refusal !== undefined) return refusal;
    }
    const file = files.open(path, 'edit');
    try {
      file.write(new Uint8Array(bytes.length), 0);
      file.sync();
    } finally {
      file.close();
    }
    files.remove(path);
    files.syncDirectoryOf(path);
    return undefined;
  } catch (failure) {
    return vaultFailed(failure);
  }
}
