/**
 * The victim: a real device core on a log in files, in a process of its own. It does what it is
 * ordered to, says synchronously what leaves it, and dies where it is told to.
 */

import { readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { invariant } from '@simsim/bytes';
import { nodeCrypto, nodeEntropy as entropy } from '@simsim/crypto/node';
import { DeviceCore } from '@simsim/device-core';
import { keepAll, RETENTION } from '@simsim/event-log';
import type { EventLog } from '@simsim/event-log';
import { openSqliteLog } from '@simsim/event-log-sqlite';
import type { Effect } from '@simsim/sesame';
import { recordingCrypto } from '../forensic/recording-crypto.ts';
import type { TraceEntry } from '../forensic/trace.ts';
import { sabotagedLog } from './early-log.ts';
import { encodeFrame, takeFrame } from './frame-codec.ts';
import type { Life, Order, Report } from './frame-codec.ts';
import { registrationOf, tokenOf } from './own-device.ts';
import type { Site } from './sites.ts';
import { VICTIM_KEY } from './victim-key.ts';
import { watchedFiles, watchedSqlite } from './watched-ports.ts';
import type { PortStep } from './watched-ports.ts';

const PIPE_BYTES = 1 << 16;
const chunk = Buffer.alloc(PIPE_BYTES);
let pending: Buffer = Buffer.alloc(0);

/** The next order; `undefined` once the parent is gone. */
function nextOrder(): Order | undefined {
  for (;;) {
    const taken = takeFrame<Order>(pending);
    if (taken !== undefined) {
      pending = taken.rest;
      return taken.frame;
    }
    const count = readSync(0, chunk, 0, PIPE_BYTES, null);
    if (count === 0) return undefined;
    pending = Buffer.concat([pending, chunk.subarray(0, count)]);
  }
}

const traced: TraceEntry[] = [];

/** Secrets go before everything that may be the last word. */
function say(report: Report): void {
  const entries = traced.splice(0);
  if (entries.length > 0) write({ type: 'trace', entries });
  write(report);
}

function write(report: Report): void {
  const frame = encodeFrame(report);
  for (let done = 0; done < frame.length;) done += writeSync(1, frame, done);
}

/** What the process is at. */
interface Moment {
  life: Life | undefined;
  phase: 'creating' | 'opening' | 'running';
  left: number;
  transactions: number;
}

const moment: Moment = { life: undefined, phase: 'opening', left: 0, transactions: 0 };

function at(site: string): void {
  const kill = moment.life?.kill;
  if (kill === undefined || site !== kill.site || --moment.left > 0) return;
  say({ type: 'dying', site: kill.site });
  process.kill(process.pid, 'SIGKILL');
}

function atPort(step: PortStep): void {
  const site = portSite(step);
  if (site !== undefined) at(site);
}

/** The first transaction of an opening takes the lease, the second one makes the log's first row. */
function portSite(step: PortStep): Site | undefined {
  if (step === 'begin') moment.transactions++;
  const isFirst = moment.transactions === 1;
  switch (moment.phase) {
    case 'running':
      return step === 'write' ? 'flush:write' : step === 'sync' ? 'flush:sync' : undefined;
    case 'opening':
      if (step === 'write') return 'open:write';
      if (step === 'sync') return 'open:sync';
      if (step === 'begin' && isFirst) return 'open:lease';
      return step === 'committed' && isFirst ? 'open:leased' : undefined;
    case 'creating':
      if (step === 'write') return 'create:write';
      if (step === 'rename') return 'create:rename';
      if (step !== 'begin') return undefined;
      return isFirst ? 'create:schema' : 'create:log';
  }
}

interface Running {
  readonly core: DeviceCore;
  readonly log: EventLog;
}

function open(life: Life): Running | undefined {
  const { forensic } = life;
  const crypto =
    forensic === undefined
      ? nodeCrypto
      : recordingCrypto(nodeCrypto, (entry) => void traced.push(entry));
  const path = join(life.folder, 'log.db');
  const vaultPath = join(life.folder, 'vault');
  const files = watchedFiles(atPort);
  moment.life = life;
  moment.left = life.kill?.count ?? 0;
  moment.phase = life.isMade ? 'opening' : 'creating';
  moment.transactions = 0;
  const opened = openSqliteLog({
    path,
    vaultPath,
    key: VICTIM_KEY,
    ifMissing: life.isMade ? 'refuse' : 'create',
    crypto,
    entropy,
    files,
    driver: watchedSqlite(atPort),
    wipe: life.wipe,
    // Every opening begins to replace the master key, and few flushes of a life finish it.
    rotates: 'at-open',
    rotatePages: 1,
    chaos: { at },
    ...(forensic === 'paranoid' ? { retention: RETENTION.paranoid } : {}),
    ...(forensic === 'keepAll'
      ? { retention: keepAll({ iKnowThisDisablesForwardSecrecy: true }) }
      : {}),
    ...(forensic === 'keepsOldCopies' ? { sabotage: { keepsOldCopies: true } } : {}),
  });
  if (!opened.ok) {
    say({ type: 'refused', code: opened.error.code, detail: opened.error.detail });
    return undefined;
  }
  const log = sabotagedLog(opened.value.log, life.sabotage);
  const core = new DeviceCore({
    log,
    crypto,
    entropy,
    clock: () => ({ wallMs: Date.now(), elapsedMs: 0, bootId: 'kill' }),
    chaos: { at },
    ...(life.sabotage === 'rewind-chain' ? { sabotage: new Set(['rewind-chain'] as const) } : {}),
  });
  moment.phase = 'running';
  at('open:done');
  return { core, log };
}

/** Lets effects out one by one: from here on they cannot be called back. */
function release(effects: readonly Effect[]): void {
  for (const effect of effects) {
    const kind =
      effect.type === 'post' ? 'post' : effect.type === 'acknowledge' ? 'relay-ack' : undefined;
    if (kind !== undefined) at(`${kind}:before`);
    say({ type: 'effect', effect });
    if (kind !== undefined) at(`${kind}:after`);
  }
}

function obey(running: Running, order: Exclude<Order, { type: 'open' }>): void {
  const { core, log } = running;
  switch (order.type) {
    case 'run': {
      const { outcomes, effects } = core.run(order.inputs);
      if (moment.life?.forensic === 'paranoid') log.flush();
      release(effects);
      say({ type: 'ran', outcomes, tip: log.tip(), token: tokenOf(core) });
      return;
    }
    case 'register':
      say({ type: 'request', request: registrationOf(core, order.nonce) });
      return;
    case 'head':
      say({ type: 'head', head: core.head() });
      return;
    case 'flush':
      log.flush();
      say({ type: 'done' });
      return;
    case 'close':
      log.close();
      say({ type: 'done' });
  }
}

function main(): void {
  say({ type: 'ready' });
  let running: Running | undefined;
  for (let order = nextOrder(); order !== undefined; order = nextOrder()) {
    if (order.type === 'open') {
      running = open(order.life);
      if (running === undefined) return;
      const { core } = running;
      const found = { outbox: core.outbox(), inbox: core.inbox(), token: tokenOf(core) };
      say({ type: 'opened', found });
      continue;
    }
    invariant(running !== undefined, 'a victim is opened before it is ordered about');
    obey(running, order);
    if (order.type === 'close') return;
  }
}

main();
