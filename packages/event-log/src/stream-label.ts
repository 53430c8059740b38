/** A stream's name as its row holds it: a keyed hash to find it by, and a sealed label to read. */

import { decodeUtf8, encodeUtf8 } from '@simsim/bytes';
import type { StreamRow } from './event-store.ts';
import type { MetadataBox } from './metadata-box.ts';
import { placeOf } from './place.ts';

/** What the row of stream `id` says of its name. */
export function sealName(
  box: MetadataBox,
  id: number,
  name: string,
): Pick<StreamRow, 'name' | 'label'> {
  const label = box.seal('label', placeOf(id), [encodeUtf8(name)]);
  return { name: box.nameHash('label', name), label };
}

/** The name in a stream's row; `undefined` where its label does not open. */
export function openName(
  box: MetadataBox,
  { id, label }: Pick<StreamRow, 'id' | 'label'>,
): string | undefined {
  const opened = box.open('label', placeOf(id), label);
  return opened && decodeUtf8(opened);
}
