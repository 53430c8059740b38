/**
 * The keys of unread mail. Each epoch has an independent random key in a vault slot; an epoch whose
 * rows are all read is destroyed, so old unread mail never keeps newer, read mail decryptable.
 */

import { concatBytes, encodeUtf8, invariant } from '@simsim/bytes';
import type { Crypto, Secret } from '@simsim/crypto';
import type { InboxRow } from './event-store.ts';
import { EPOCH_ROWS_MAX } from './limits.ts';
import { placeOf } from './place.ts';
import type { Vault, VaultReader } from './vault.ts';

const LABEL = encodeUtf8('simsim/inbox/1');
const NONCE_BYTES = 12;

/** An epoch that takes new mail. */
interface OpenEpoch {
  readonly slot: number;
  readonly key: Secret<'seal'>;
  /** Rows put so far. */
  readonly rows: number;
}

/** Epochs for the mail of one batch. */
export interface StagedEpochs {
  /** One for each row, in order. */
  readonly ofRow: readonly OpenEpoch[];
  /** Slots taken from the pool. */
  readonly taken: readonly number[];
  readonly current: OpenEpoch | undefined;
}

/** The epochs of an open log. */
export interface InboxEpochs {
  stage(rowCount: number): StagedEpochs;
  /** After the batch's rows were added and before any is removed. */
  adopt(staged: StagedEpochs): void;
  drop(staged: StagedEpochs): void;
  /** A row of this epoch is there. */
  addRow(epoch: number): void;
  /** A row of this epoch was read; the last one destroys an ended epoch. */
  removeRow(epoch: number): void;
  /** Ends the current epoch, destroying it if nothing of it is unread. */
  end(): void;
}

/** Where a mail's body lies. */
export interface MailPlace {
  readonly logId: Uint8Array;
  readonly epoch: number;
  readonly seq: number;
  readonly id: Uint8Array;
}

/** Seals a mail's body. */
export function sealMail(
  crypto: Crypto,
  mail: {
    readonly key: Secret<'seal'>;
    readonly place: MailPlace;
    readonly nonce: Uint8Array;
    readonly body: Uint8Array;
  },
): Uint8Array {
  const { key, place, nonce, body } = mail;
  return concatBytes([nonce, crypto.seal(key, nonce, mailData(place), [body])]);
}

/** Opens a mail's body, which the caller wipes; `undefined` where it does not belong there. */
export function openMail(
  crypto: Crypto,
  mail: { readonly key: Secret<'seal'>; readonly place: MailPlace; readonly box: Uint8Array },
): Uint8Array | undefined {
  const { key, place, box } = mail;
  if (box.length < NONCE_BYTES) return undefined;
  const nonce = box.subarray(0, NONCE_BYTES);
  return crypto.open(key, nonce, mailData(place), box.subarray(NONCE_BYTES));
}

/** Whether a stored mail opens under its epoch's key. */
export function opensMail(
  log: { readonly crypto: Crypto; readonly vault: VaultReader; readonly logId: Uint8Array },
  { epoch, seq, id, body }: InboxRow,
): boolean {
  const key = epochKey(log.crypto, log.vault, epoch);
  const place = { logId: log.logId, epoch, seq, id };
  const opened = openMail(log.crypto, { key, place, box: body });
  log.crypto.wipe(key);
  opened?.fill(0);
  return opened !== undefined;
}

/** The key of an epoch's mail; the caller wipes it. */
export function epochKey(crypto: Crypto, vault: VaultReader, slot: number): Secret<'seal'> {
  const root = vault.key(slot);
  const [next, key] = crypto.sealStep(root);
  crypto.wipe(root);
  crypto.wipe(next);
  return key;
}

/** Makes the epochs of a log with no unread mail. */
export function createInboxEpochs(crypto: Crypto, vault: Vault): InboxEpochs {
  const rowsBySlot = new Map<number, number>();
  let current: OpenEpoch | undefined;

  const destroyIfRead = (slot: number): void => {
    if ((rowsBySlot.get(slot) ?? 0) > 0 || current?.slot === slot) return;
    rowsBySlot.delete(slot);
    vault.destroy(slot);
  };
  return {
    stage(rowCount) {
      const ofRow: OpenEpoch[] = [];
      const taken: number[] = [];
      let epoch = current;
      for (let row = 0; row < rowCount; row++) {
        if (epoch === undefined || epoch.rows >= EPOCH_ROWS_MAX) {
          const slot = vault.take();
          taken.push(slot);
          epoch = { slot, key: epochKey(crypto, vault, slot), rows: 0 };
        }
        epoch = { ...epoch, rows: epoch.rows + 1 };
        ofRow.push(epoch);
      }
      return { ofRow, taken, current: epoch };
    },
    adopt(staged) {
      for (const slot of staged.taken) vault.assign(slot, { use: 'epoch', owner: 0 });
      const ended = new Map<number, OpenEpoch>();
      if (current !== undefined) ended.set(current.slot, current);
      for (const epoch of staged.ofRow) ended.set(epoch.slot, epoch);
      current = staged.current;
      if (current !== undefined) ended.delete(current.slot);
      for (const { slot, key } of ended.values()) {
        crypto.wipe(key);
        destroyIfRead(slot);
      }
    },
    drop(staged) {
      for (const slot of staged.taken) {
        const epoch = staged.ofRow.find((row) => row.slot === slot);
        if (epoch !== undefined) crypto.wipe(epoch.key);
        vault.giveBack(slot);
      }
    },
    addRow(epoch) {
      rowsBySlot.set(epoch, (rowsBySlot.get(epoch) ?? 0) + 1);
    },
    removeRow(epoch) {
      const rows = rowsBySlot.get(epoch) ?? 0;
      invariant(rows > 0, 'a row is removed once');
      rowsBySlot.set(epoch, rows - 1);
      destroyIfRead(epoch);
    },
    end() {
      if (current === undefined) return;
      const { slot, key } = current;
      current = undefined;
      crypto.wipe(key);
      destroyIfRead(slot);
    },
  };
}

function mailData({ logId, epoch, seq, id }: MailPlace): readonly Uint8Array[] {
  return [LABEL, logId, placeOf(epoch), placeOf(seq), id];
}
