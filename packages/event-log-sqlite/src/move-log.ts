/**
 * Moving a log to another machine: out into two files under a transfer key, which ends it here; then in
 * from them, which ends them. At every moment at most one of the three can be opened and go on, because
 * a log that goes on in two places uses keys twice. A move that was cut off is finished by doing it again.
 */

import { equalBytes, err, ok, wipe } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import type { Crypto, Entropy } from '@simsim/crypto';
import { encodeMoved, isMoved, NO_CHANGE } from '@simsim/event-log';
import type { StoreRefusal, Tip, VaultImage } from '@simsim/event-log';
import { refusalOf } from './connection.ts';
import { nodeFiles } from './file-system.ts';
import { isSameFile } from './same-file.ts';
import { openSqliteLog } from './sqlite-log.ts';
import { openSqliteReader, openSqliteStore } from './sqlite-store.ts';
import { destroyVaultFile } from './vault-destroy.ts';
import { createSlotFileVault } from './vault-file.ts';
import { wipeMasters } from './vault-image.ts';
import type { VaultKey } from './vault-key.ts';
import { openerOf, readVault } from './vault-read.ts';
import { copySqliteLog } from './verify-log.ts';

/** A log in its two files, and what opens its vault. */
export interface LogPlace {
  readonly path: string;
  readonly vaultPath: string;
  readonly key: VaultKey;
}

/** From where to where. */
export interface MoveOptions {
  readonly from: LogPlace;
  readonly to: LogPlace;
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  /** Test-only: called after each step that lasts. */
  readonly onStep?: (step: MoveStep) => void;
}

/** What lasts, in order: the log has ended here, its copy is whole, its keys are gone, its files are. */
export type MoveStep = 'ended' | 'vault-copied' | 'copied' | 'keys-destroyed' | 'destroyed';

/**
 * Moves a log out: it ends at `from`, where nothing is left, and only {@link moveLogIn} opens what is at
 * `to`.
 *
 * Refuses: every {@link StoreRefusal} of opening the log; `STORE_EXISTS`, `VAULT_EXISTS` where something
 * is at `to`, the log itself included; `STORE_FAILED` where nothing can be written there. The log has not
 * ended then, unless it had before.
 */
export function moveLogOut(options: MoveOptions): Result<undefined, StoreRefusal> {
  return guarded(() => {
    const { from, to } = options;
    const source = describe(from.path);
    if (!source.ok) return source;
    const clash = clashOf(options);
    if (clash !== undefined) return err(clash);
    if (!source.value.isMoved) {
      const hindrance = hindranceAt(to);
      if (hindrance !== undefined) return err(hindrance);
      const ended = endHere(options);
      if (!ended.ok) return ended;
    }
    return carryOver(options, 'moved');
  });
}

/**
 * Moves a log in: it opens at `to` as ever, and nothing is left at `from`.
 *
 * Refuses: what opening `from` is refused for; `STORE_MOVED` where it was not moved out, so that it
 * could go on there too; `STORE_EXISTS`, `VAULT_EXISTS` where something else is at `to`.
 */
export function moveLogIn(options: MoveOptions): Result<undefined, StoreRefusal> {
  return guarded(() => {
    const source = describe(options.from.path);
    if (!source.ok) return source;
    const clash = clashOf(options);
    if (clash !== undefined) return err(clash);
    if (source.value.isMoved) return carryOver(options, 'here');
    const detail = 'the log there was not moved out; do that first, so that it ends there';
    return err({ code: 'STORE_MOVED', detail });
  });
}

/** Four files are told apart: what is copied onto itself would be destroyed as what was left behind. */
function clashOf({ from, to }: MoveOptions): StoreRefusal | undefined {
  const taken = [from.path, from.vaultPath];
  for (const path of [to.path, to.vaultPath]) {
    if (taken.some((other) => isSameFile(other, path))) {
      return { code: 'STORE_EXISTS', detail: `the log is at ${path} already; name another place` };
    }
    taken.push(path);
  }
  return undefined;
}

/** Why a log that has not ended cannot go to a place; looked at before it ends. */
function hindranceAt({ path, vaultPath }: LogPlace): StoreRefusal | undefined {
  if (nodeFiles.exists(path)) return { code: 'STORE_EXISTS', detail: `there is a file at ${path}` };
  if (nodeFiles.exists(vaultPath)) {
    return { code: 'VAULT_EXISTS', detail: `there is a file at ${vaultPath}` };
  }
  for (const partial of [`${path}.moving`, `${vaultPath}.moving`]) {
    nodeFiles.remove(partial);
    const file = nodeFiles.open(partial, 'create');
    file.close();
    nodeFiles.remove(partial);
  }
  return undefined;
}

/** Marks the log: whoever opens it is told that it has moved. Its vault has followed it then. */
function endHere({ from, crypto, entropy, onStep }: MoveOptions): Result<undefined, StoreRefusal> {
  const opened = openSqliteLog({ ...from, crypto, entropy });
  if (!opened.ok) return opened;
  opened.value.log.close();
  const isMarked = mark(from.path, 'moved');
  if (isMarked.ok) onStep?.('ended');
  return isMarked;
}

function mark(path: string, as: 'moved' | 'here'): Result<undefined, StoreRefusal> {
  const store = openSqliteStore(path);
  if (!store.ok) return store;
  const expectedTip = store.value.tip();
  const answer = store.value.commit({ ...NO_CHANGE, expectedTip, meta: encodeMoved(as) });
  store.value.close();
  if (answer.kind === 'committed') return ok(undefined);
  return err({ code: 'STORE_IN_USE', detail: 'another process wrote meanwhile; close it first' });
}

/** Copies both files, the database last, and destroys the old ones. */
function carryOver(options: MoveOptions, as: 'moved' | 'here'): Result<undefined, StoreRefusal> {
  const { from, to, crypto, onStep } = options;
  if (!nodeFiles.exists(to.path)) {
    const copied = copyVault(options);
    if (!copied.ok) return copied;
    onStep?.('vault-copied');
    const written = copyDatabase(options, as);
    if (!written.ok) return written;
  }
  const whole = isWhole(options, as);
  if (!whole.ok) return whole;
  onStep?.('copied');
  const refusal = destroyVaultFile(from.vaultPath, { crypto, key: from.key });
  if (refusal !== undefined) return err(refusal);
  onStep?.('keys-destroyed');
  for (const end of ['-wal', '-shm', '']) nodeFiles.remove(`${from.path}${end}`);
  nodeFiles.syncDirectoryOf(from.path);
  onStep?.('destroyed');
  return ok(undefined);
}

function copyVault({ from, to, crypto, entropy }: MoveOptions): Result<undefined, StoreRefusal> {
  const image = readImage(from, crypto);
  if (!image.ok) return image;
  const { logId } = image.value;
  if (nodeFiles.exists(to.vaultPath)) {
    // A move that was cut off has left it; anything else stays untouched.
    const other = readImage(to, crypto);
    const isOurs = other.ok && equalBytes(other.value.logId, logId);
    wipePages(other);
    if (!isOurs) {
      wipePages(image);
      return err({ code: 'VAULT_EXISTS', detail: `there is another vault at ${to.vaultPath}` });
    }
  }
  const partial = `${to.vaultPath}.moving`;
  for (const left of [partial, to.vaultPath]) {
    const refusal = destroyVaultFile(left, { crypto, key: to.key });
    if (refusal === undefined) continue;
    wipePages(image);
    return err(refusal);
  }
  const made = createSlotFileVault(partial, {
    ...to,
    crypto,
    entropy,
    logId,
    image: image.value.image,
  });
  if (!made.ok) {
    wipePages(image);
    return made;
  }
  made.value.close();
  nodeFiles.rename(partial, to.vaultPath);
  nodeFiles.syncDirectoryOf(to.vaultPath);
  return ok(undefined);
}

function copyDatabase(
  { from, to }: MoveOptions,
  as: 'moved' | 'here',
): Result<undefined, StoreRefusal> {
  const partial = `${to.path}.moving`;
  for (const end of ['-wal', '-shm', '']) nodeFiles.remove(`${partial}${end}`);
  const copied = copySqliteLog(from.path, partial);
  if (!copied.ok) return copied;
  const marked = mark(partial, as);
  if (!marked.ok) return marked;
  const file = nodeFiles.open(partial, 'edit');
  file.sync();
  file.close();
  // What a log that was removed by hand has left would be taken for a part of this one.
  for (const end of ['-wal', '-shm']) nodeFiles.remove(`${to.path}${end}`);
  nodeFiles.rename(partial, to.path);
  nodeFiles.syncDirectoryOf(to.path);
  return ok(undefined);
}

/** Whether what is at `to` is the log at `from`, its vault included, and stands as it must. */
function isWhole(
  { from, to, crypto }: MoveOptions,
  as: 'moved' | 'here',
): Result<undefined, StoreRefusal> {
  const source = describe(from.path);
  const target = describe(to.path);
  if (!source.ok) return source;
  if (!target.ok) return target;
  const { logId, tip } = source.value;
  const isSame =
    equalBytes(logId, target.value.logId) && equalBytes(tip.hash, target.value.tip.hash);
  if (!isSame || target.value.isMoved !== (as === 'moved')) {
    return err({ code: 'STORE_EXISTS', detail: `there is another log at ${to.path}` });
  }
  const vault = readImage(to, crypto);
  if (!vault.ok) return vault;
  wipePages(vault);
  if (equalBytes(vault.value.logId, logId)) return ok(undefined);
  return err({ code: 'VAULT_EXISTS', detail: `there is another vault at ${to.vaultPath}` });
}

interface Described {
  readonly logId: Uint8Array;
  readonly tip: Tip;
  readonly isMoved: boolean;
}

function describe(path: string): Result<Described, StoreRefusal> {
  const reader = openSqliteReader(path);
  if (!reader.ok) return reader;
  const logId = reader.value.meta('log');
  const described = { tip: reader.value.tip(), isMoved: isMoved(reader.value) };
  reader.value.close();
  if (logId !== undefined) return ok({ ...described, logId });
  return err({ code: 'STORE_MISSING', detail: `the log at ${path} was never finished` });
}

interface ReadImage {
  readonly logId: Uint8Array;
  readonly image: VaultImage;
}

function readImage(place: LogPlace, crypto: Crypto): Result<ReadImage, StoreRefusal> {
  const opener = openerOf({ crypto, key: place.key });
  const opened = readVault(place.vaultPath, opener);
  opener.close();
  if (!opened.ok) return opened;
  const { clear, image, masters } = opened.value;
  wipeMasters(crypto, masters);
  return ok({ logId: clear.logId, image });
}

function wipePages(read: Result<ReadImage, StoreRefusal>): void {
  if (read.ok) for (const page of read.value.image.pages) wipe(page);
}

function guarded(work: () => Result<undefined, StoreRefusal>): Result<undefined, StoreRefusal> {
  try {
    return work();
  } catch (failure) {
    return err(refusalOf(failure));
  }
}
