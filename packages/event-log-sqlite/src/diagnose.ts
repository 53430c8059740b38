/** What the place of a log can erase, and what its vault's key is worth: for people who decide. */

import { err, ok } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import type { Crypto } from '@simsim/crypto';
import { LAG_EVENTS_MAX } from '@simsim/event-log';
import type { Anchor, StoreRefusal } from '@simsim/event-log';
import { nodeFiles } from './file-system.ts';
import type { FileSystem } from './file-system.ts';
import { openSqliteReader } from './sqlite-store.ts';
import { mediumOf } from './vault-erasure.ts';
import type { Erasure, MediumReport } from './vault-erasure.ts';
import { clearHeaders, wipeOpened } from './vault-image.ts';
import { isStretchedEnough } from './vault-key.ts';
import type { DescriptorKind, KeyDescriptor, VaultKey } from './vault-key.ts';
import { openerOf, readVault } from './vault-read.ts';
import { vaultFailed, vaultMissing } from './vault-refusal.ts';

/** What to look at. */
export interface DiagnoseOptions {
  /** The log's database. */
  readonly path: string;
  readonly vaultPath: string;
  readonly crypto: Crypto;
  /** Without it less is known. */
  readonly key?: VaultKey;
  /** Default those of the machine. */
  readonly files?: FileSystem;
}

/** What a vault's key is worth. */
export interface KeyReport {
  /** How the vault opens. */
  readonly kind: DescriptorKind;
  /** Whether an old copy of the files is worthless once the key has been replaced. */
  readonly isForgotten: boolean;
  /** The same as a sentence. */
  readonly worth: string;
}

/** What only the key shows. */
export interface VaultContents {
  /** What the vault has seen of the log; `at` is the time of the last batch before its last flush. */
  readonly anchor: Anchor;
  /** Events since then, whose superseded keys are not erased yet; unknown without a readable log. */
  readonly lag: number | undefined;
  /** Places that hold replaced pages which the next flush erases. */
  readonly leftovers: number;
  /** A keychain has not forgotten the key before yet. */
  readonly isOldKeyKept: boolean;
}

/** What there is to say. */
export interface Diagnosis {
  /** What overwriting does where the vault is. */
  readonly erasure: Erasure;
  readonly fileSystem: string;
  readonly key: KeyReport;
  /** Flushes since the vault was made. */
  readonly flushes: number;
  readonly isRotating: boolean;
  /** Refused where the key does not open the vault; `undefined` without a key. */
  readonly contents: Result<VaultContents, StoreRefusal> | undefined;
  /** What to do about it, in sentences; empty where all is well. */
  readonly advice: readonly string[];
}

/**
 * Tells what a log's place can erase; works beside a live owner and changes nothing.
 *
 * Refuses: `VAULT_MISSING`, `VAULT_TOO_NEW`, `VAULT_CORRUPT` (no header is whole), `VAULT_FAILED`.
 */
export function diagnose(options: DiagnoseOptions): Result<Diagnosis, StoreRefusal> {
  const { crypto, vaultPath, files = nodeFiles } = options;
  try {
    if (!files.exists(vaultPath)) return err(vaultMissing(vaultPath));
    const headers = clearHeaders(crypto, files.read(vaultPath));
    if (!headers.ok) return headers;
    const [newest] = headers.value;
    if (newest === undefined) {
      const detail = 'neither header of the vault is whole; open a copy of log and vault';
      return err({ code: 'VAULT_CORRUPT', detail });
    }
    const { descriptor, counter, next } = newest.clear;
    const medium = mediumOf(vaultPath);
    const contents = readContents(options);
    const isRotating = next !== undefined;
    const advice = adviceOn({ medium, descriptor, contents });
    const key = keyReport(descriptor.kind);
    return ok({ ...medium, key, flushes: counter, isRotating, contents, advice });
  } catch (failure) {
    return err(vaultFailed(failure));
  }
}

const OLD_COPY_OPENS: Readonly<Record<DescriptorKind, string>> = {
  none: 'no key: whoever has the file has the live state, and an old copy has the state of then',
  raw: 'a raw key: whoever has an old copy of the vault opens it with the same key',
  scrypt: 'a passphrase: whoever has an old copy of the vault opens it with the passphrase',
  argon2id: 'a passphrase: whoever has an old copy of the vault opens it with the passphrase',
  keychain: 'a keychain, which forgets with each rotation: older copies of the vault open no more',
};

function keyReport(kind: DescriptorKind): KeyReport {
  return { kind, isForgotten: kind === 'keychain', worth: OLD_COPY_OPENS[kind] };
}

function readContents(options: DiagnoseOptions): Diagnosis['contents'] {
  const { path, vaultPath, crypto, key, files } = options;
  if (key === undefined) return undefined;
  const opener = openerOf({ crypto, key });
  try {
    const opened = readVault(vaultPath, opener, files);
    if (!opened.ok) return opened;
    const { clear, image, stale } = opened.value;
    wipeOpened(crypto, opened.value);
    const tip = tipOf(path);
    return ok({
      anchor: image.anchor,
      lag: tip === undefined ? undefined : tip - image.anchor.seq,
      leftovers: stale.length,
      isOldKeyKept: opener.keysOf(clear.vaultId).holdsOther(clear.descriptor),
    });
  } finally {
    opener.close();
  }
}

function tipOf(path: string): number | undefined {
  const reader = openSqliteReader(path);
  if (!reader.ok) return undefined;
  try {
    return reader.value.tip().seq;
  } finally {
    reader.value.close();
  }
}

interface Findings {
  readonly medium: MediumReport;
  readonly descriptor: KeyDescriptor;
  readonly contents: Diagnosis['contents'];
}

function adviceOn({ medium, descriptor, contents }: Findings): string[] {
  const advice = [...mediumAdvice(medium, descriptor), ...keyAdvice(descriptor)];
  if (contents === undefined) return advice;
  if (!contents.ok) return [...advice, `The vault does not open: ${contents.error.detail}.`];
  return [...advice, ...contentsAdvice(contents.value)];
}

function mediumAdvice({ erasure, fileSystem }: MediumReport, { kind }: KeyDescriptor): string[] {
  if (erasure === 'in-place') return [];
  const says =
    erasure === 'copy-on-write'
      ? `Here (${fileSystem}) overwritten keys stay readable in old copies of their blocks.`
      : `Whether overwritten keys are erased here (${fileSystem}) is not known.`;
  const move =
    fileSystem === 'btrfs'
      ? 'Put the vault into a folder made with chattr +C, and take no snapshots of it.'
      : 'Put the vault on ext4 (without data=journal), on xfs, or in memory.';
  if (kind === 'keychain') return [`${says} A rotation of the master key makes them worthless.`];
  return [`${says} ${move} Or let a keychain keep its key, which can forget.`];
}

function keyAdvice(descriptor: KeyDescriptor): string[] {
  if (descriptor.kind === 'none') {
    return ['The vault opens without a key: choose a keychain or a passphrase when it is made.'];
  }
  if (isStretchedEnough(descriptor)) return [];
  return ['The passphrase is stretched less than new vaults have it; the next rotation raises it.'];
}

function contentsAdvice({ lag, leftovers, isOldKeyKept }: VaultContents): string[] {
  const advice: string[] = [];
  if (lag === undefined) advice.push('The log beside the vault cannot be read: look at its path.');
  if (lag !== undefined && lag < 0) {
    advice.push('The log ends before what the vault has seen: it was put back from an older copy.');
  }
  if (lag !== undefined && lag > LAG_EVENTS_MAX) {
    advice.push('The vault is far behind its log: it was put back from an older copy.');
  }
  if (leftovers > 0) {
    advice.push('Replaced pages are not erased yet; opening the log, or its next flush, does it.');
  }
  if (isOldKeyKept) {
    advice.push('The keychain still holds a key that is not needed; the next flush removes it.');
  }
  return advice;
}
