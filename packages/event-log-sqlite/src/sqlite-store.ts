/** The event store on SQLite. */

import { equalBytes, err, ok } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import { laterFormat, nextStep, StoreFailure } from '@simsim/event-log';
import type {
  Chaos,
  CommitAnswer,
  EventReader,
  EventStore,
  ShrunkPart,
  StoreChange,
  StoreRefusal,
  Tip,
} from '@simsim/event-log';
import { connect, failureOf, refusalOf, schemaState } from './connection.ts';
import type { PreparedQuery } from './compiled-query.ts';
import type { Connection, SchemaState } from './connection.ts';
import { nodeFiles } from './file-system.ts';
import type { FileSystem } from './file-system.ts';
import { abandonLease, checkLease, claimLease, dropLease, holderText, takeLease } from './lease.ts';
import type { LeaseClaim } from './lease.ts';
import { QUERIES } from './queries.ts';
import { connectReading } from './read-connection.ts';
import { SCHEMA_SQL } from './schema.ts';
import { sqliteCodeOf } from './sqlite-driver.ts';
import type { SqliteDriver } from './sqlite-driver.ts';
import { readerOver } from './sqlite-reader.ts';
import { storeFailed } from './store-failed.ts';
import { disbelieveTail } from './wal-tail.ts';

/** Page cache of one connection: a hundred devices in a process must stay small. */
export const CACHE_KIB_DEFAULT = 512;

/** How to open a store. */
export interface SqliteStoreOptions {
  /** `create` makes the file where there is none; default `refuse`. */
  readonly ifMissing?: 'create' | 'refuse';
  /** Page cache in KiB; default {@link CACHE_KIB_DEFAULT}. */
  readonly cacheKiB?: number;
  /**
   * Bytes of zeros to lay down as the WAL before the first connection, at most 16 MiB. Writing into
   * a file that has its size already spares each sync a third; not worth it for many small logs.
   */
  readonly walBytes?: number;
  /** The SQLite to work with; default better-sqlite3. */
  readonly driver?: SqliteDriver;
  /** The files beside SQLite's own; default those of the machine. */
  readonly files?: FileSystem;
  /** Several processes may have it open for writing, as long as all of them say so. */
  readonly shared?: boolean;
  /**
   * The lease of another opening that is over although its process cannot be asked: on another host, in
   * a container that is gone. `STORE_IN_USE` says its name. It is taken over, no other one; a former
   * owner that lives after all writes nothing more (`STORE_TAKEN_OVER`).
   */
  readonly takeOver?: string;
  /** Who takes the lease; default this process, now. */
  readonly lease?: LeaseClaim;
  /** Test-only. */
  readonly chaos?: Chaos;
}

/** Above it a checkpoint would cut the WAL, and syncs get dear again. */
const WAL_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Opens a store for writing and takes its lease.
 *
 * Refuses: `STORE_MISSING`, `STORE_IN_USE` with its holder, `STORE_CORRUPT`, `STORE_TOO_NEW`,
 * `STORE_UNSAFE`, `STORE_FAILED`.
 */
export function openSqliteStore(
  path: string,
  options: SqliteStoreOptions = {},
): Result<EventStore, StoreRefusal> {
  const { driver, files = nodeFiles, cacheKiB = CACHE_KIB_DEFAULT, chaos } = options;
  if (options.ifMissing !== 'create' && !files.exists(path)) return err(missing(path));
  const lease = options.lease ?? claimLease({ isShared: options.shared === true });
  let connection: Connection | undefined;
  try {
    const later = files.exists(`${path}-wal`) ? peek(path, options) : undefined;
    if (later !== undefined) return err(later);
    if (options.walBytes !== undefined) growWal(files, path, options.walBytes);
    connection = connect(path, {
      mode: 'write',
      cacheKiB,
      driver,
      vet: (opened) => vetted(opened, { path, options }),
    });
    const refusal = settle(connection, { path, options, lease });
    if (refusal === undefined) {
      const files = driver?.isInMemory === true ? undefined : (options.files ?? nodeFiles);
      return ok(storeOver(connection, { path, files, lease, chaos }));
    }
    connection.db.close();
    return err(refusal);
  } catch (failure) {
    abandonLease(lease);
    connection?.db.close();
    return err(options.files === undefined ? storeFailed(failure, path) : refusalOf(failure));
  }
}

/**
 * Opens a store for reading beside a live owner. Never writes to the log, takes no lease, and leaves
 * nothing beside it; on a read-only medium it reads a private copy, which goes when it is closed.
 *
 * Refuses: `STORE_MISSING`, `STORE_CORRUPT`, `STORE_TOO_NEW`, `STORE_FAILED`.
 */
export function openSqliteReader(
  path: string,
  options: Pick<SqliteStoreOptions, 'cacheKiB' | 'driver' | 'files'> = {},
): Result<EventReader, StoreRefusal> {
  const { driver, files = nodeFiles, cacheKiB = CACHE_KIB_DEFAULT } = options;
  if (!files.exists(path)) return err(missing(path));
  let connection: Connection | undefined;
  try {
    connection = connectReading(path, { cacheKiB, driver });
    const refusal = schemaRefusal(schemaState(connection.db), { path, use: 'read' });
    if (refusal === undefined) return ok(readerOver(connection));
    connection.db.close();
    return err(refusal);
  } catch (failure) {
    connection?.db.close();
    return err(refusalOf(failure));
  }
}

/**
 * Whether a log with a WAL is of a later release, which must be left as it is: closing a connection for
 * writing would move the WAL into the database. One for reading does not; what else is wrong with the
 * file, the connection for writing says.
 */
function peek(path: string, options: SqliteStoreOptions): StoreRefusal | undefined {
  const { driver, cacheKiB = CACHE_KIB_DEFAULT } = options;
  try {
    connect(path, {
      mode: 'read',
      cacheKiB,
      driver,
      vet: (opened) => vetted(opened, { path, options }),
    }).db.close();
    return undefined;
  } catch (failure) {
    return failure instanceof StoreFailure && failure.code === 'STORE_TOO_NEW'
      ? refusalOf(failure)
      : undefined;
  }
}

/** Why a file must be left as it is: another's database, one of a later release, or no log at all. */
function vetted(
  connection: Connection,
  { path, options }: Pick<Settling, 'path' | 'options'>,
): StoreRefusal | undefined {
  const state = schemaState(connection.db);
  if (state === 'ours') return laterFormat(readerOver(connection), 'write');
  if (state === 'empty' && options.ifMissing === 'create') return undefined;
  return schemaRefusal(state, { path, use: 'write' });
}

function laterSchema(state: 'readable' | 'too-new'): StoreRefusal {
  const what = 'its tables were made by a later release';
  return { code: 'STORE_TOO_NEW', detail: `${what}: ${nextStep(state)}` };
}

/** A WAL of zeros is an empty one. Where there is a WAL, it is somebody's and stays as it is. */
function growWal(files: FileSystem, path: string, bytes: number): void {
  const wal = `${path}-wal`;
  if (!files.exists(path) || files.exists(wal)) return;
  const file = files.open(wal, 'create');
  try {
    file.write(new Uint8Array(Math.min(bytes, WAL_BYTES_MAX)), 0);
    file.sync();
  } finally {
    file.close();
  }
}

interface Settling {
  readonly path: string;
  readonly options: SqliteStoreOptions;
  readonly lease: LeaseClaim;
}

/** Creates what must be created and takes the lease, in one transaction. */
function settle(
  { db, query }: Connection,
  { path, options, lease }: Settling,
): StoreRefusal | undefined {
  const refusal = db.transaction('write', () => {
    const state = schemaState(db);
    if (state === 'empty' && options.ifMissing === 'create') db.exec(SCHEMA_SQL);
    else if (state !== 'ours') return schemaRefusal(state, { path, use: 'write' });
    const holder = takeLease(query, lease, options.takeOver);
    return holder && inUse(holder);
  });
  // A file that is made may be new: another opener may have died before this.
  if (refusal === undefined && options.ifMissing === 'create') {
    (options.files ?? nodeFiles).syncDirectoryOf(path);
  }
  return refusal;
}

interface TipWatcher {
  /** The tip, within a transaction. Throws: StoreFailure `STORE_TAKEN_OVER`. */
  read(): Tip;
  /** Takes over the tip of an own commit. */
  moved(tip: Tip): void;
  /** An own commit was undone. */
  forget(): void;
}

/**
 * Remembers the tip between own commits, and that the lease was there. SQLite's `data_version` differs
 * whenever another connection has changed the file, so a remembered tip is never older than the file;
 * asking for it costs a quarter of reading the last row.
 */
function tipWatcher(
  { query }: Connection,
  reader: Pick<EventReader, 'tip'>,
  lease: LeaseClaim,
): TipWatcher {
  const version = (): unknown => query(QUERIES.dataVersion).get({})?.[0];
  let known: { readonly version: unknown; readonly tip: Tip } | undefined;
  return {
    read() {
      const now = version();
      if (known !== undefined && known.version === now) return known.tip;
      checkLease(query, lease);
      const tip = reader.tip();
      known = { version: now, tip };
      return tip;
    },
    moved({ seq, hash }) {
      if (known !== undefined) known = { version: known.version, tip: { seq, hash } };
    },
    forget: () => void (known = undefined),
  };
}

interface StoreParts {
  readonly path: string;
  /** None for a database in memory. */
  readonly files: FileSystem | undefined;
  readonly lease: LeaseClaim;
  readonly chaos: Chaos | undefined;
}

function storeOver(connection: Connection, { path, files, lease, chaos }: StoreParts): EventStore {
  const { db, query } = connection;
  const reader = readerOver(connection);
  const currentTip = tipWatcher(connection, reader, lease);
  let isOpen = true;
  let depth = 0;
  /** What a commit under the lock was refused for: SQLite has done a part of it by then. */
  let refused: Error | undefined;
  /** What failed as one of ours; a commit that failed is one for nobody. */
  const failed = (failure: unknown): Error => {
    const isOfMedium = sqliteCodeOf(failure)?.startsWith('SQLITE_IOERR') === true;
    if (isOfMedium && files !== undefined) disbelieveTail(connection, { path, files });
    return failureOf(failure);
  };
  const commit = (change: StoreChange): CommitAnswer => {
    const tip = currentTip.read();
    const { seq, hash } = change.expectedTip;
    if (tip.seq !== seq || !equalBytes(tip.hash, hash)) return { kind: 'moved', tip };
    writeChange(query, change);
    chaos?.at('commit:inside');
    return { kind: 'committed' };
  };
  return {
    ...reader,
    commit(change) {
      try {
        const answer = db.transaction('write', () => commit(change));
        const last = change.events.at(-1);
        if (answer.kind === 'committed' && last !== undefined) currentTip.moved(last);
        return answer;
      } catch (failure) {
        if (depth === 0) throw failed(failure);
        refused = failureOf(failure);
        throw refused;
      }
    },
    locked(work) {
      depth++;
      try {
        return db.transaction('write', () => {
          currentTip.read();
          const answer = work();
          if (refused !== undefined) throw refused;
          return answer;
        });
      } catch (failure) {
        currentTip.forget();
        throw depth > 1 ? failureOf(failure) : failed(failure);
      } finally {
        depth--;
        if (depth === 0) refused = undefined;
      }
    },
    close() {
      if (!isOpen) return;
      isOpen = false;
      dropLease(query, lease);
      db.close();
    },
  };
}

function writeChange(query: Connection['query'], change: StoreChange): void {
  for (const row of change.events)
    query(QUERIES.putEvent).run({ ...row, sealed: row.sealed ?? null });
  for (const row of change.streams)
    query(QUERIES.putStream).run({ ...row, slot: row.slot ?? null });
  for (const { expectedVersion, ...head } of change.heads) {
    if (expectedVersion === 0) query(QUERIES.addHead).run({ ...head });
    else if (query(QUERIES.moveHead).run({ ...head, expected: expectedVersion }) !== 1) {
      throw new StoreFailure('STORE_CORRUPT', `stream ${head.stream} is not where its head says`);
    }
  }
  writeQueues(query, change);
  for (const { name, value } of change.records) {
    if (value === undefined) query(QUERIES.dropRecord).run({ name });
    else query(QUERIES.putRecord).run({ name, value });
  }
  for (const { name, value } of change.data) {
    if (value === undefined) query(QUERIES.dropData).run({ name });
    else query(QUERIES.putData).run({ name, value });
  }
  for (const run of change.seenRuns) query(QUERIES.putSeenRun).run({ ...run });
  if (change.seenExpireBefore > 0)
    query(QUERIES.expireSeenRuns).run({ before: change.seenExpireBefore });
  for (const { key, value } of change.meta) query(QUERIES.putMeta).run({ key, value });
  for (const part of change.pruned) shrink(query(QUERIES.prunePart), part);
  for (const part of change.forgotten) shrink(query(QUERIES.forgetFacts), part);
  for (const row of change.renamed) {
    if (query(QUERIES.renameStream).run({ ...row }) === 1) continue;
    throw new StoreFailure('STORE_CORRUPT', `stream ${row.id} is not there`);
  }
}

function shrink(update: PreparedQuery, part: ShrunkPart): void {
  if (update.run({ ...part }) === 1) return;
  throw new StoreFailure('STORE_CORRUPT', `event ${part.seq} is not there`);
}

/** Freed slots that are put again at once need no write of their own. */
function writeQueues(query: Connection['query'], change: StoreChange): void {
  const outboxPut = new Set(change.outbox.map(({ slot }) => slot));
  for (const slot of change.outboxFreed)
    if (!outboxPut.has(slot)) query(QUERIES.freeOutbox).run({ slot });
  for (const row of change.outbox) query(QUERIES.putOutbox).run({ ...row, due: row.due ?? null });
  for (const row of change.outboxRetry) query(QUERIES.retryOutbox).run({ ...row });
  const inboxPut = new Set(change.inbox.map(({ slot }) => slot));
  for (const slot of change.inboxFreed)
    if (!inboxPut.has(slot)) query(QUERIES.freeInbox).run({ slot });
  for (const row of change.inbox) query(QUERIES.putInbox).run({ ...row });
}

function schemaRefusal(
  state: SchemaState,
  { path, use }: { readonly path: string; readonly use: 'read' | 'write' },
): StoreRefusal | undefined {
  switch (state) {
    case 'ours':
      return undefined;
    case 'readable':
      return use === 'read' ? undefined : laterSchema(state);
    case 'too-new':
      return laterSchema(state);
    case 'empty':
      return missing(path);
    case 'foreign':
      return { code: 'STORE_CORRUPT', detail: `${path} is a database, but not a log` };
  }
}

function missing(path: string): StoreRefusal {
  return { code: 'STORE_MISSING', detail: `there is no log at ${path}` };
}

function inUse(holder: NonNullable<StoreRefusal['holder']>): StoreRefusal {
  return { code: 'STORE_IN_USE', detail: holderText(holder), holder };
}
