/** Rows under a keyed-hash name: an owner's records and an application's values. */

import type { NamedRow } from './event-store.ts';
import type { MetadataBox, NamedValue } from './metadata-box.ts';
import { failStore } from './refusal.ts';

/** What a row holds. Throws: StoreFailure `STORE_CORRUPT` where it was altered. */
export function openRow(
  box: MetadataBox,
  kind: 'record' | 'data',
  { name, value }: NamedRow,
): NamedValue {
  const opened = box.openNamed(kind, name, value);
  if (opened === undefined) failStore('STORE_CORRUPT', `a ${kind} row does not open; run verify`);
  return opened;
}

/** The value under a name; `undefined` where there is none. Throws: as {@link openRow}. */
export function namedValue(
  box: MetadataBox,
  kind: 'record' | 'data',
  row: { readonly name: string; readonly find: (name: Uint8Array) => Uint8Array | undefined },
): Uint8Array | undefined {
  const name = box.nameHash(kind, row.name);
  const value = row.find(name);
  return value && openRow(box, kind, { name, value }).value;
}
