/** One play, from the first account to the last count. */

import { performance } from 'node:perf_hooks';
import { join } from 'node:path';
import { mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { environmentError } from '../cli-error.ts';
import { createRandom } from '../random.ts';
import { Cast } from './cast.ts';
import type { CastDevice } from './cast.ts';
import { ChurnDriver } from './churn-driver.ts';
import { HostPool } from './host-pool.ts';
import { createJournal } from './journal-file.ts';
import type { Journal } from './journal-file.ts';
import { LineFeed } from './line-feed.ts';
import type { PlayOptions } from './play-options.ts';
import type { PlayPlan } from './plan.ts';
import type { ProgressState } from './progress-bar.ts';
import { RelayKeeper } from './relay-keeper.ts';
import type { PlayLine } from './room.ts';
import { WorkerCallError, WorkerGoneError } from './worker-process.ts';
import { createWatch } from './watch.ts';
import type { Watch } from './watch.ts';

/** What a play is given. */
export interface PlayInput {
  readonly options: PlayOptions;
  readonly lines: readonly PlayLine[];
  readonly plan: PlayPlan;
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly onProgress: (state: ProgressState) => void;
}

/** What is known when the last device came to rest and every process ended. */
export interface PlayedOut {
  readonly journal: Journal;
  readonly devices: readonly CastDevice[];
  readonly relayKills: number;
  readonly setupSeconds: number;
  readonly seconds: number;
  readonly isQuiescent: boolean;
  /** Of each child; a process that was restarted counts with the greatest of its lives. */
  readonly peakMemoryBytes: { readonly relay: number; readonly hosts: readonly number[] };
}

/** Users made at the same time: enough to keep the processes busy, few enough not to crowd them. */
const USERS_AT_ONCE = 8;
const LOOK_MS = 250;
/** Looks in a row at which nothing may have happened. */
const CALM_LOOKS = 4;
/** Without any commit for so long, devices that are still busy will not come to rest. */
const STUCK_MS = 60_000;

/** Plays. Rejects with what went wrong around it; what is wrong in the logs is for the count. */
export async function play(input: PlayInput): Promise<PlayedOut> {
  const stage = await setStage(input);
  const { watch, pool, relay } = stage;
  const endAll = (): void => {
    pool.kill();
    relay?.kill();
  };
  const interrupt = (): void => {
    watch.fail(input.signal.reason);
    endAll();
  };
  input.signal.addEventListener('abort', interrupt);
  const ticker = setInterval(
    () => void look(stage, input).catch((error: unknown) => watch.fail(error)),
    LOOK_MS,
  );
  if (input.signal.aborted) interrupt();
  try {
    return await perform(stage, input);
  } catch (error) {
    // Whatever broke first is the reason; calls that broke with it are consequences.
    throw asCliError(watch.failure() ?? error, input.folder);
  } finally {
    clearInterval(ticker);
    input.signal.removeEventListener('abort', interrupt);
    endAll();
    await stage.journal.close();
  }
}

/** What a child could not do is not our bug: it is said in a sentence, without a stack. */
function asCliError(error: unknown, folder: string): unknown {
  const isChild = error instanceof WorkerCallError || error instanceof WorkerGoneError;
  if (!isChild) return error;
  return environmentError(
    `A process of the play failed: ${error.message}`,
    `What was written so far lies in ${folder}.`,
  );
}

/** What a play consists of while it runs. */
interface Stage {
  readonly journal: Journal;
  readonly watch: Watch;
  readonly relay: RelayKeeper | undefined;
  readonly pool: HostPool;
  readonly cast: Cast;
  readonly feed: LineFeed;
  readonly churn: ChurnDriver;
  phase: string;
  isLooking: boolean;
  calmLooks: number;
  lastCommits: string;
  lastChangeAt: number;
}

async function setStage({ options, lines, plan, folder }: PlayInput): Promise<Stage> {
  const devicesFolder = join(folder, 'devices');
  await mkdir(devicesFolder, { recursive: true });
  const killJournal = join(folder, 'kills.jsonl');
  const journal = createJournal(join(folder, 'journal.jsonl'));
  const watch = createWatch();
  const { seed, identityModel } = options;
  const relay = await startRelay({ options, folder, killJournal, journal, watch });
  const random = createRandom(seed, 'cast');
  const cast: Cast = new Cast({
    devicesFolder,
    identityModel,
    pool: () => pool,
    journal,
    watch,
    random,
  });
  const pool: HostPool = new HostPool({
    count: options.processes,
    relay: relay?.url ?? options.relay ?? '',
    killJournal,
    journal,
    watch,
    onEvent(event) {
      cast.hear(event);
      feed.hear(event);
    },
    async onRestart(host) {
      cast.lose(host);
      await cast.reopen(host, (device) => feed.resume(device));
    },
  });
  const parts = { lines, cast, pool, journal, watch };
  const churn: ChurnDriver = new ChurnDriver(
    { ...parts, steps: plan.churn, relay, random: createRandom(seed, 'driver') },
    () => feed,
  );
  const { linesInFlight } = options;
  const isHeld = (line: number): boolean => churn.isBehind(line);
  const feed: LineFeed = new LineFeed({ ...parts, seed, linesInFlight, isHeld });
  return {
    journal,
    watch,
    relay,
    pool,
    cast,
    feed,
    churn,
    phase: 'accounts',
    isLooking: false,
    calmLooks: 0,
    lastCommits: '',
    lastChangeAt: performance.now(),
  };
}

async function startRelay({
  options,
  folder,
  ...parts
}: Pick<PlayInput, 'options' | 'folder'> & {
  readonly killJournal: string;
  readonly journal: Journal;
  readonly watch: Watch;
}): Promise<RelayKeeper | undefined> {
  if (options.relay !== undefined) return undefined;
  await mkdir(join(folder, 'relay'), { recursive: true });
  const relay = new RelayKeeper({ file: join(folder, 'relay', 'relay.db'), ...parts });
  await relay.start();
  return relay;
}

async function perform(stage: Stage, { plan }: PlayInput): Promise<PlayedOut> {
  const { cast, feed, churn, pool, relay, journal } = stage;
  const startedAt = performance.now();
  await enterAll(stage, plan);
  const firstLineAt = performance.now();
  journal.add({ type: 'started' });
  stage.phase = 'playing';
  await Promise.all([feed.run(), churn.run()]);
  stage.phase = 'settling';
  stage.lastChangeAt = performance.now();
  const isQuiescent = await comeToRest(stage);
  const restAt = performance.now();
  stage.phase = 'closing';
  await pool.stop();
  await relay?.stop();
  return {
    journal,
    devices: cast.all(),
    relayKills: relay?.kills ?? 0,
    setupSeconds: (firstLineAt - startedAt) / 1000,
    seconds: (restAt - firstLineAt) / 1000,
    isQuiescent,
    peakMemoryBytes: { relay: relay?.peakMemoryBytes ?? 0, hosts: pool.peakMemoryBytes() },
  };
}

async function enterAll({ cast, watch }: Stage, { users }: PlayPlan): Promise<void> {
  const queue = users.map((user, order) => ({ user, order }));
  const enterNext = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      if (watch.failure() !== undefined) throw watch.failure();
      await cast.enter(next.user, next.order);
    }
  };
  await Promise.all(Array.from({ length: USERS_AT_ONCE }, enterNext));
}

/** True when every device was seen idle, with nothing happening, several times in a row. */
async function comeToRest(stage: Stage): Promise<boolean> {
  stage.calmLooks = 0;
  for (;;) {
    if (stage.watch.failure() !== undefined) throw stage.watch.failure();
    if (stage.calmLooks >= CALM_LOOKS) return true;
    if (performance.now() - stage.lastChangeAt > STUCK_MS) return false;
    await sleep(LOOK_MS);
  }
}

/** Looks at every process: progress, memory, whether anything still happens. */
async function look(stage: Stage, input: PlayInput): Promise<void> {
  if (stage.isLooking || stage.phase === 'closing') return;
  stage.isLooking = true;
  try {
    const seen = await stage.pool.look();
    await stage.relay?.look();
    if (seen?.commits !== stage.lastCommits) stage.lastChangeAt = performance.now();
    const isCalm = seen?.busy === 0 && seen.commits === stage.lastCommits;
    stage.calmLooks = isCalm ? stage.calmLooks + 1 : 0;
    stage.lastCommits = seen?.commits ?? '';
  } finally {
    stage.isLooking = false;
  }
  input.onProgress(progressOf(stage, input));
}

function progressOf({ phase, feed, cast, journal }: Stage, input: PlayInput): ProgressState {
  const open = cast.all().filter(({ state }) => state === 'open').length;
  const isSetup = phase === 'accounts';
  const planned = input.plan.users.reduce((sum, user) => sum + user.devices, 0);
  let kills = 0;
  let arrived = 0;
  for (const entry of journal.entries) {
    if (entry.type === 'killed' || entry.type === 'relayKilled') kills++;
    if (entry.type === 'acknowledged') arrived++;
  }
  return {
    phase,
    done: isSetup ? open : feed.settled(),
    total: isSetup ? planned : input.lines.length,
    counters: [
      ['devices', open],
      ['arrived', arrived],
      ['kills', kills],
    ],
  };
}
