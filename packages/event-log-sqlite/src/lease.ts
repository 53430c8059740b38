/**
 * Who owns a log: one process, or several that share it. A row names a process by pid and start time,
 * so that a recycled pid is not mistaken for an owner and a killed owner's log opens again at once. A
 * lease that cannot be asked about is taken over by its name only; whoever had it finds it gone before
 * it writes anything, in the same transaction or under the same lock.
 */

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { bytesToHex, equalBytes } from '@simsim/bytes';
import { failStore } from '@simsim/event-log';
import type { LeaseHolder } from '@simsim/event-log';
import type { Connection } from './connection.ts';
import { QUERIES } from './queries.ts';
import { bytesAt, numberAt, textAt } from './row-codec.ts';
import type { Columns } from './row-codec.ts';

/** A process as a lease names it. */
export interface LeaseOwner {
  readonly pid: number;
  /** When it started, in the kernel's own words; empty where the platform does not tell. */
  readonly start: string;
  /** Which boot of the machine; empty where the platform does not tell. */
  readonly boot: string;
  readonly host: string;
}

/** A lease about to be taken. */
export interface LeaseClaim {
  readonly owner: LeaseOwner;
  /** 16 bytes, new for every opening. */
  readonly nonce: Uint8Array;
  /** Wall ms. */
  readonly at: number;
  /** Others may hold a lease too, as long as all of them share. */
  readonly isShared: boolean;
}

/** A claim of this process, now. */
export function claimLease({ isShared }: Pick<LeaseClaim, 'isShared'>): LeaseClaim {
  const nonce = new Uint8Array(randomBytes(16));
  return { owner: thisProcess(), nonce, at: Date.now(), isShared };
}

/**
 * Leases that were given up although the medium did not let their row be removed, by nonce. Without
 * them a process whose disk was full for a moment could not open its own log again.
 */
const givenUp = new Set<string>();

/**
 * Takes the lease inside the caller's transaction, also from the holder whose lease is `takeOver`;
 * answers who holds it if somebody else does.
 */
export function takeLease(
  query: Connection['query'],
  { owner, nonce, at, isShared }: LeaseClaim,
  takeOver?: string,
): LeaseHolder | undefined {
  for (const row of query(QUERIES.leases).all({})) {
    const other = bytesAt(row, 5);
    const name = bytesToHex(other);
    const isFree = name === takeOver || givenUp.has(name) || !isHeld(ownerOf(row), owner);
    if (isFree) query(QUERIES.dropLease).run({ nonce: other });
    else if (!isShared || numberAt(row, 6) === 0) return holderOf(row);
  }
  query(QUERIES.takeLease).run({ ...owner, at, nonce, shared: isShared ? 1 : 0 });
  return undefined;
}

/** Inside a transaction. Throws: StoreFailure `STORE_TAKEN_OVER` where the lease is gone. */
export function checkLease(query: Connection['query'], { nonce }: LeaseClaim): void {
  const rows = query(QUERIES.leases).all({});
  if (rows.some((row) => equalBytes(bytesAt(row, 5), nonce))) return;
  const [taker] = rows.map(holderOf);
  const who = taker === undefined ? 'its lease was ended' : `now ${holderText(taker)}`;
  failStore('STORE_TAKEN_OVER', who);
}

/** Who has a log open, since when and by which lease, in words. */
export function holderText({ pid, host, at, lease }: LeaseHolder): string {
  const since = new Date(at).toISOString();
  return `process ${pid} on ${host} has the log open since ${since}, by lease ${lease}`;
}

/** Gives the lease up. Never throws: where its row stays, this process knows that it is nobody's. */
export function dropLease(query: Connection['query'], lease: LeaseClaim): void {
  try {
    query(QUERIES.dropLease).run({ nonce: lease.nonce });
  } catch {
    abandonLease(lease);
  }
}

/** Gives up a lease whose taking failed: its row may be there or not. */
export function abandonLease({ nonce }: LeaseClaim): void {
  givenUp.add(bytesToHex(nonce));
}

/**
 * Whether the owner may still be at work. Another host cannot be asked, so it counts as alive; an
 * earlier boot of this host does not.
 */
export function isHeld(owner: LeaseOwner, here: LeaseOwner): boolean {
  if (owner.host !== here.host) return true;
  if (owner.boot !== here.boot) return false;
  const start = startOf(owner.pid);
  return start === undefined ? isRunning(owner.pid) : start === owner.start;
}

/** This process, as its lease would name it. */
export function thisProcess(): LeaseOwner {
  own ??= {
    pid: process.pid,
    start: startOf(process.pid) ?? '',
    boot: readText('/proc/sys/kernel/random/boot_id')?.trim() ?? '',
    host: hostname(),
  };
  return own;
}

let own: LeaseOwner | undefined;

function holderOf(row: Columns): LeaseHolder {
  const lease = bytesToHex(bytesAt(row, 5));
  return { pid: numberAt(row, 0), host: textAt(row, 3), at: numberAt(row, 4), lease };
}

function ownerOf(row: Columns): LeaseOwner {
  return {
    pid: numberAt(row, 0),
    start: textAt(row, 1),
    boot: textAt(row, 2),
    host: textAt(row, 3),
  };
}

/**
 * A process's start time on Linux: field 22 of its stat line, counted after the last parenthesis
 * because the name before it may hold anything. Empty for a process that is gone or a zombie;
 * undefined where there is no such file system.
 */
function startOf(pid: number): string | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  if (stat === undefined) return readText('/proc/self/stat') === undefined ? undefined : '';
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields[0] ?? 'X';
  return 'ZXx'.includes(state) ? '' : (fields[19] ?? '');
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (failure) {
    // Only "no such process" proves that it is gone; a process of another user may not be asked.
    return !(failure instanceof Error && 'code' in failure && failure.code === 'ESRCH');
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
