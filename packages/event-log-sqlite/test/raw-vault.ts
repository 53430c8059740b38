/** Somebody who took the vault file and its key, and looks at every page that ever was. */

import type { Secret } from '@simsim/crypto';
import { nodeCrypto } from '@simsim/crypto/node';
import { decodeClearHeader, FILE_PAGE_BYTES, unwrapMaster } from '../src/vault-header.ts';
import type { ClearHeader } from '../src/vault-header.ts';
import type { VaultKey } from '../src/vault-key.ts';
import { openPageCopy } from '../src/vault-page.ts';
import { createWrappingKeys } from '../src/vault-wrapping.ts';
import { KEY } from './files.ts';

export interface RawPage {
  readonly generation: number;
  readonly slots: Uint8Array;
}

/** Every copy of a page of slots that opens, with the flush that wrote it. */
export function recoverablePages(file: Uint8Array, key: VaultKey = KEY): RawPage[] {
  return pagesUnder(file, masterKeys(file, key));
}

/** The header in the first place, or the second. */
export function headerAt(file: Uint8Array, place: 0 | 1): ClearHeader | undefined {
  const start = place * FILE_PAGE_BYTES;
  const page = new Uint8Array(file.subarray(start, start + FILE_PAGE_BYTES));
  const header = decodeClearHeader(nodeCrypto, page);
  return header.kind === 'whole' ? header.clear : undefined;
}

/** Every master key that either header lets out with this key. */
export function masterKeys(file: Uint8Array, key: VaultKey = KEY): Secret<'seal'>[] {
  const logId = headerAt(file, 0)?.logId ?? headerAt(file, 1)?.logId ?? new Uint8Array(16);
  const vaultId = headerAt(file, 0)?.vaultId ?? headerAt(file, 1)?.vaultId ?? new Uint8Array(16);
  const keys = createWrappingKeys({ crypto: nodeCrypto, key, vaultId });
  return ([0, 1] as const).flatMap((place) => {
    const clear = headerAt(file, place);
    if (clear === undefined) return [];
    const { descriptor, master, next } = clear;
    const wrapping = keys.unlock(descriptor);
    if (!wrapping.ok) return [];
    return [master, ...(next === undefined ? [] : [next])].flatMap(
      (wrapped) => unwrapMaster(nodeCrypto, wrapping.value.key, { logId, ...wrapped }) ?? [],
    );
  });
}

/** Every copy of a page that one of the master keys opens. */
export function pagesUnder(file: Uint8Array, masters: readonly Secret<'seal'>[]): RawPage[] {
  const logId = headerAt(file, 0)?.logId ?? headerAt(file, 1)?.logId;
  if (logId === undefined) throw new Error('a header is whole');
  const found: RawPage[] = [];
  for (let at = 2 * FILE_PAGE_BYTES; at < file.length; at += FILE_PAGE_BYTES) {
    const bytes = new Uint8Array(file.subarray(at, at + FILE_PAGE_BYTES));
    const generation = new DataView(bytes.buffer).getUint32(2);
    const page = Math.floor((at / FILE_PAGE_BYTES - 2) / 2);
    const place = { logId, page, generation };
    for (const master of masters) {
      const slots = openPageCopy(nodeCrypto, master, { place, bytes });
      if (slots === undefined) continue;
      found.push({ generation, slots });
      break;
    }
  }
  return found;
}
