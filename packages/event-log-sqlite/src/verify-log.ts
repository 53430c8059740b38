/** Verifying a log in files, also one that a running device owns. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { err, ok } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import type { Crypto } from '@simsim/crypto';
import { laterFormat, rebuildProjections, verifyChain } from '@simsim/event-log';
import type {
  Anchor,
  ChainFault,
  Difference,
  Rebuilt,
  RecordFold,
  StoreRefusal,
  VaultReader,
  VerifiedChain,
} from '@simsim/event-log';
import { refusalOf, valueOf } from './connection.ts';
import { makePrivate } from './file-system.ts';
import { lostRows } from './lost-rows.ts';
import { connectReading } from './read-connection.ts';
import type { SqliteDriver } from './sqlite-driver.ts';
import { CACHE_KIB_DEFAULT, openSqliteReader } from './sqlite-store.ts';
import { openVaultReader } from './vault-read.ts';
import type { VaultKey } from './vault-key.ts';

/** What to verify, and how deep. */
export interface VerifySqliteLogOptions<S> {
  readonly path: string;
  readonly crypto: Crypto;
  /**
   * With it the anchor is checked, every projection is rebuilt and compared, and the rows that no event
   * tells of are opened.
   */
  readonly vault?: { readonly path: string; readonly key: VaultKey };
  /** How records follow from facts; without it they are not compared. */
  readonly fold?: RecordFold<S>;
  readonly onProgress?: (seq: number) => void;
}

/** What verifying found. */
export interface SqliteLogReport {
  readonly chain: Result<VerifiedChain, ChainFault>;
  /** Undefined where no vault was given, or the chain is broken already. */
  readonly rebuilt: Rebuilt | undefined;
  /**
   * Rows of queues and of the application that are gone, though no event tells of them; not looked for
   * where the chain is broken already.
   */
  readonly lostRows: readonly Difference[];
}

/** What a copy of the log and its vault show together. */
type Compared = Required<Pick<SqliteLogReport, 'rebuilt' | 'lostRows'>>;

/** A busy owner may flush between our two looks at its vault; then we look again. */
const COPY_ATTEMPTS = 5;

/** Verifies. Never writes to the log; projections are rebuilt from a copy in a scratch folder. */
export function verifySqliteLog<S>(
  options: VerifySqliteLogOptions<S>,
): Result<SqliteLogReport, StoreRefusal> {
  const vault = readVault(options);
  if (!vault.ok) return vault;
  const anchor = vault.value?.anchor();
  vault.value?.close();
  const chain = verifyFile(options, anchor);
  if (!chain.ok) return chain;
  if (!chain.value.ok) return ok({ chain: chain.value, rebuilt: undefined, lostRows: [] });
  const structure = checkStructure(options.path);
  if (structure !== undefined) return err(structure);
  const compared = options.vault === undefined ? lostOf(options.path) : compareCopy(options);
  return compared.ok ? ok({ chain: chain.value, ...compared.value }) : compared;
}

/**
 * Copies a log's database as it is at one moment, also beside a live owner.
 *
 * Refuses: `STORE_CORRUPT`, `STORE_FAILED`.
 */
export function copySqliteLog(path: string, target: string): Result<undefined, StoreRefusal> {
  try {
    const { db } = connectReading(path, { cacheKiB: CACHE_KIB_DEFAULT });
    try {
      makePrivate(target);
      db.prepare('VACUUM INTO ?').run([target]);
      return ok(undefined);
    } finally {
      db.close();
    }
  } catch (failure) {
    return err(refusalOf(failure));
  }
}

/**
 * What SQLite itself says of its pages and indexes; undefined where they are sound. A lost page of
 * an index shows nowhere else: every row is there, and cannot be found by its name.
 *
 * Reads the whole database in one go, so the WAL of a live owner grows meanwhile.
 */
export function checkStructure(path: string, driver?: SqliteDriver): StoreRefusal | undefined {
  try {
    const { db } = connectReading(path, { cacheKiB: CACHE_KIB_DEFAULT, driver });
    try {
      const said = valueOf(db, 'PRAGMA integrity_check(1)');
      return said === 'ok' ? undefined : { code: 'STORE_CORRUPT', detail: String(said) };
    } finally {
      db.close();
    }
  } catch (failure) {
    return refusalOf(failure);
  }
}

function verifyFile<S>(
  { path, crypto, onProgress }: VerifySqliteLogOptions<S>,
  anchor: Anchor | undefined,
): Result<Result<VerifiedChain, ChainFault>, StoreRefusal> {
  const reader = openSqliteReader(path);
  if (!reader.ok) return reader;
  try {
    const later = laterFormat(reader.value, 'read');
    if (later !== undefined) return err(later);
    const progress = onProgress === undefined ? {} : { onProgress };
    const known = anchor === undefined ? {} : { anchor };
    return ok(verifyChain(reader.value, crypto, { ...known, ...progress }));
  } finally {
    reader.value.close();
  }
}

function compareCopy<S>(options: VerifySqliteLogOptions<S>): Result<Compared, StoreRefusal> {
  const folder = mkdtempSync(join(tmpdir(), 'simsim-verify-'));
  try {
    for (let attempt = 1; ; attempt++) {
      const vault = readVault(options);
      if (!vault.ok) return vault;
      const target = join(folder, `copy-${attempt}.db`);
      const copied = copySqliteLog(options.path, target);
      if (!copied.ok) return copied;
      const compared = compareWith(target, vault.value, options);
      const isDone = !compared.ok || isSame(compared.value) || attempt === COPY_ATTEMPTS;
      const isSettled = isDone || hasSameAnchor(options, vault.value);
      vault.value?.close();
      if (isSettled) return compared;
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function isSame({ rebuilt, lostRows: lost }: Compared): boolean {
  return rebuilt?.differences.length === 0 && lost.length === 0;
}

function compareWith<S>(
  path: string,
  vault: VaultReader | undefined,
  { crypto, fold }: VerifySqliteLogOptions<S>,
): Result<Compared, StoreRefusal> {
  if (vault === undefined) return err({ code: 'VAULT_MISSING', detail: 'no vault was given' });
  const lost = lostOf(path);
  if (!lost.ok) return lost;
  const reader = openSqliteReader(path);
  if (!reader.ok) return reader;
  try {
    const folded = fold === undefined ? {} : { fold };
    const rebuilt = rebuildProjections({ reader: reader.value, vault, crypto, ...folded });
    return ok({ ...lost.value, rebuilt });
  } catch (failure) {
    return err(refusalOf(failure));
  } finally {
    reader.value.close();
  }
}

function lostOf(path: string): Result<Compared, StoreRefusal> {
  try {
    const connection = connectReading(path, { cacheKiB: CACHE_KIB_DEFAULT });
    try {
      return ok({ rebuilt: undefined, lostRows: lostRows(connection) });
    } finally {
      connection.db.close();
    }
  } catch (failure) {
    return err(refusalOf(failure));
  }
}

function hasSameAnchor<S>(
  options: VerifySqliteLogOptions<S>,
  vault: VaultReader | undefined,
): boolean {
  const again = readVault(options);
  const isSame = again.ok && again.value?.anchor().seq === vault?.anchor().seq;
  if (again.ok) again.value?.close();
  return isSame;
}

function readVault<S>({
  crypto,
  vault,
}: VerifySqliteLogOptions<S>): Result<VaultReader | undefined, StoreRefusal> {
  return vault === undefined
    ? ok(undefined)
    : openVaultReader(vault.path, { crypto, key: vault.key });
}
