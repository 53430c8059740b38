/** Somebody who took the vault file and its key, and looks at every page that ever was. */

import { nodeCrypto } from '@simsim/crypto/node';
import { decodeClearHeader, FILE_PAGE_BYTES } from '../src/vault-header.ts';
import { deriveKey } from '../src/vault-key.ts';
import { openPageCopy } from '../src/vault-page.ts';
import { KEY } from './files.ts';

/** Every copy of a page of slots that opens, with the flush that wrote it. */
export function recoverablePages(file: Uint8Array): { generation: number; slots: Uint8Array }[] {
  const header = decodeClearHeader(nodeCrypto, new Uint8Array(file.subarray(0, FILE_PAGE_BYTES)));
  if (header.kind !== 'whole') throw new Error('the first header is whole');
  const { logId, descriptor, wrapNonce, wrapped } = header.clear;
  const wrapping = deriveKey(nodeCrypto, KEY, descriptor);
  const bytes = wrapping && nodeCrypto.open(wrapping, wrapNonce, [logId], wrapped);
  if (bytes === undefined) throw new Error('the key opens the vault');
  const master = nodeCrypto.importSecret('seal', bytes);
  const found: { generation: number; slots: Uint8Array }[] = [];
  for (let at = 2 * FILE_PAGE_BYTES; at < file.length; at += FILE_PAGE_BYTES) {
    const copy = new Uint8Array(file.subarray(at, at + FILE_PAGE_BYTES));
    const generation = new DataView(copy.buffer).getUint32(2);
    const page = Math.floor((at / FILE_PAGE_BYTES - 2) / 2);
    const slots = openPageCopy(nodeCrypto, master, {
      place: { logId, page, generation },
      bytes: copy,
    });
    if (slots !== undefined) found.push({ generation, slots });
  }
  return found;
}
