/** Reading a whole history: verifying it without a key, and replaying its facts. */

import { invariant } from '@simsim/bytes';
import { nodeCrypto } from '@simsim/crypto/node';
import { createLogReader, verifyChain } from '@simsim/event-log';
import type { EventReader } from '@simsim/event-log';
import { openSqliteReader, openVaultReader } from '@simsim/event-log-sqlite';
import { limitRow, median } from '../report.ts';
import type { BenchRow } from '../report.ts';
import { logOptions } from './bench-log.ts';

/** Events of one measured stretch; the report is of the middle one. */
const STRETCH = 4096;
const VERIFY_PER_SECOND = 60_000;
const REPLAY_PER_SECOND = 60_000;
const REPLAY_CLEAR_PER_SECOND = 100_000;

/** Folders of two logs of equal length. */
export interface ReadBenchLogs {
  readonly sealed: string;
  readonly clear: string;
}

/** Runs it; the logs are closed. */
export function benchRead({ sealed, clear }: ReadBenchLogs): readonly BenchRow[] {
  return [
    row('verify', usOfVerify(sealed), VERIFY_PER_SECOND),
    row('replay of facts', usOfReplay(sealed), REPLAY_PER_SECOND),
    row("replay of facts, metadata: 'clear'", usOfReplay(clear), REPLAY_CLEAR_PER_SECOND),
  ];
}

function row(what: string, ours: number, perSecond: number): BenchRow {
  const rate = `${Math.round(1e6 / ours)} a second, at least ${perSecond}`;
  return limitRow({
    what: `${what}, per event (${rate})`,
    ours,
    unit: 'us',
    goal: 1e6 / perSecond,
  });
}

function usOfVerify(folder: string): number {
  return reading(folder, (reader) => {
    const stretch = stopwatch();
    const onProgress = (seq: number): void => stretch.at(seq);
    invariant(verifyChain(reader, nodeCrypto, { onProgress }).ok, 'an honest log verifies');
    return stretch.usPerEvent();
  });
}

function usOfReplay(folder: string): number {
  return reading(folder, (reader) => {
    const { vaultPath, key } = logOptions(folder);
    const vault = openVaultReader(vaultPath, { crypto: nodeCrypto, key });
    invariant(vault.ok, 'an honest vault opens');
    const log = createLogReader({ reader, vault: vault.value, crypto: nodeCrypto });
    invariant(log.ok, 'an honest log is read');
    const stretch = stopwatch();
    let folded = 0;
    for (const { seq, facts } of log.value.events()) {
      folded ^= facts[0] ?? 0;
      if (seq % STRETCH === 0) stretch.at(seq);
    }
    vault.value.close();
    invariant(folded <= 0xff, 'every fact was looked at');
    return stretch.usPerEvent();
  });
}

function reading<T>(folder: string, read: (reader: EventReader) => T): T {
  const reader = openSqliteReader(logOptions(folder).path);
  invariant(reader.ok, 'an honest store is read');
  try {
    return read(reader.value);
  } finally {
    reader.value.close();
  }
}

interface Stopwatch {
  /** So many events are done. */
  at(seq: number): void;
  /** Median over the stretches, the first left out: the compiler is at work in it. */
  usPerEvent(): number;
}

function stopwatch(): Stopwatch {
  const stretches: number[] = [];
  let last = { seq: 0, ns: process.hrtime.bigint() };
  return {
    at(seq) {
      if (seq - last.seq < STRETCH) return;
      const ns = process.hrtime.bigint();
      stretches.push(Number(ns - last.ns) / 1000 / (seq - last.seq));
      last = { seq, ns };
    },
    usPerEvent: () => median(stretches.slice(1)),
  };
}
