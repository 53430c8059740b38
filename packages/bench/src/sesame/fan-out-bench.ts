/**
 * One message to many devices with settled sessions. In memory ours is the engine's decision, with the
 * states it leaves kept alive: rounds, ratchet steps, posts; beside it a device over a store in memory.
 * Durable it is the whole send of a device: sealed states, chained events, posts, and the vault that
 * follows. Theirs is encrypting, and keeping the session.
 */

import { invariant } from '@simsim/bytes';
import type { EventLog } from '@simsim/event-log';
import { follow, logInMemory } from '../log/crowd.ts';
import { openBenchLog } from '../log/bench-log.ts';
import { loadClient, RELEASE } from '../log/libsignal-client.ts';
import { withScratch } from '../log/scratch.ts';
import { mediansOfCalls } from '../log/turns.ts';
import type { Side, TurnPlan } from '../log/turns.ts';
import { ratioRow } from '../report.ts';
import type { BenchRow } from '../report.ts';
import { createGathering, createLiveSender, createSender } from './gathering.ts';
import type { Gathering, GatheringSize, Sender } from './gathering.ts';
import { LiveEngine } from './live-engine.ts';
import { loadNpmLibsignal, NPM_RELEASE } from './npm-libsignal.ts';
import { clientCrowd, fanOut, npmCrowd, openRecordFile } from './peer-crowds.ts';
import type { EncryptFor, RecordFile } from './peer-crowds.ts';

const DEVICES_EACH = 10;
const SIZES = [10, 100, 1000] as const;
const QUICK_SIZES = [10, 100] as const;

/** The most the ratio may be. */
const MEMORY_GOAL = 0.5;
const DURABLE_GOAL = 0.35;

/**
 * How often. Each side sends several times in its turn: the first send after another side's pays for
 * what that one left to the garbage collector, and medians over sends leave it out.
 */
const PLANS: Readonly<Record<(typeof SIZES)[number], TurnPlan>> = {
  10: { warmUp: 40, rounds: 12, perRound: 8 },
  100: { warmUp: 10, rounds: 8, perRound: 5 },
  1000: { warmUp: 3, rounds: 4, perRound: 4 },
};

/** Someone to be held against: what it is called, and what it does for so many devices. */
interface Opponent {
  readonly what: string;
  /** The most our part of its time may be; `null` for a stretch. */
  readonly goal: number | null;
  readonly side: (names: readonly string[]) => Side;
}

/** In memory: no rows where no package can be had. */
export async function benchFanOut({ quick }: { quick: boolean }): Promise<readonly BenchRow[]> {
  const sizes = quick ? QUICK_SIZES : SIZES;
  const names = namesOf(sizes);
  const opponents = [...(await clientInMemory(names)), ...(await npmInMemory(names))];
  const engine = engineSide(names.length);
  const device = deviceSide(logInMemory(), names.length);
  return [
    ...(await compare({ where: 'in memory, the engine', ...engine }, { sizes, names, opponents })),
    ...(await compare(
      { where: 'a device over a store in memory', ...device },
      { sizes, names, opponents: opponents.map((opponent) => ({ ...opponent, goal: null })) },
    )),
  ];
}

/** On files, in one transaction. */
export async function benchDurableFanOut({
  quick,
}: {
  quick: boolean;
}): Promise<readonly BenchRow[]> {
  const sizes = quick ? QUICK_SIZES : SIZES;
  const names = namesOf(sizes);
  const client = await loadClient();
  if (client === undefined) return notRun(RELEASE);
  return withScratch(async (folder) => {
    const file = openRecordFile(`${folder}/theirs.db`);
    const opponents = durableOpponents(file, await clientCrowd(client, names, file));
    const log = openBenchLog(folder);
    const device = deviceSide(log, names.length);
    const rows = await compare({ where: 'durable', ...device }, { sizes, names, opponents });
    file.close();
    log.close();
    return rows;
  });
}

function namesOf(sizes: readonly number[]): readonly string[] {
  return Array.from({ length: Math.max(...sizes) }, (_, i) => `peer-${i}`);
}

async function clientInMemory(names: readonly string[]): Promise<readonly Opponent[]> {
  const client = await loadClient();
  if (client === undefined) return notRun(RELEASE);
  const alive = await clientCrowd(client, names, { live: new Map() });
  return [
    {
      what: `${RELEASE}, records kept alive`,
      goal: MEMORY_GOAL,
      side: (some) => () => fanOut(alive, some).then(() => undefined),
    },
  ];
}

async function npmInMemory(names: readonly string[]): Promise<readonly Opponent[]> {
  const library = await loadNpmLibsignal();
  if (library === undefined) return notRun(NPM_RELEASE);
  const asText = await npmCrowd(library, names, 'text');
  const alive = await npmCrowd(library, names, 'live');
  return [
    {
      what: `npm ${NPM_RELEASE}, records kept as text`,
      goal: MEMORY_GOAL,
      side: (some) => () => fanOut(asText, some).then(() => undefined),
    },
    {
      what: `npm ${NPM_RELEASE}, records kept alive, which a forged message destroys`,
      goal: null,
      side: (some) => () => fanOut(alive, some).then(() => undefined),
    },
  ];
}

function durableOpponents(file: RecordFile, encrypt: EncryptFor): readonly Opponent[] {
  const withOutbox: EncryptFor = async (name, text) => {
    const message = await encrypt(name, text);
    invariant(message instanceof Uint8Array, 'a message is bytes');
    file.putOutbox(name, message);
  };
  const saving =
    (how: EncryptFor) =>
    (names: readonly string[]): Side =>
    async () => {
      file.begin();
      await fanOut(how, names);
      file.commit();
    };
  return [
    { what: `${RELEASE}, records saved`, goal: DURABLE_GOAL, side: saving(encrypt) },
    { what: `${RELEASE}, records and an outbox saved`, goal: null, side: saving(withOutbox) },
  ];
}

function notRun(release: string): readonly never[] {
  process.stderr.write(`not run: ${release} cannot be installed\n`);
  return [];
}

/** Who sends, to whom, and what is done after each send. */
interface OurSide {
  readonly users: Gathering['users'];
  readonly sender: Sender;
  readonly follow: () => void;
}

function deviceSide(log: EventLog, devices: number): OurSide {
  const { own, users } = createGathering(log, gatheringOf(devices));
  return { users, sender: createSender(own.core), follow: () => follow(log) };
}

function engineSide(devices: number): OurSide {
  const { own, users } = createGathering(logInMemory(), gatheringOf(devices));
  const sender = createLiveSender(new LiveEngine(own.core));
  return { users, sender, follow: () => undefined };
}

function gatheringOf(devices: number): GatheringSize {
  return { users: devices / DEVICES_EACH, devicesEach: DEVICES_EACH };
}

interface Ours extends OurSide {
  readonly where: string;
}

async function compare(
  { where, users, sender, follow: afterwards }: Ours,
  against: {
    readonly sizes: readonly (typeof SIZES)[number][];
    readonly names: readonly string[];
    readonly opponents: readonly Opponent[];
  },
): Promise<readonly BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const size of against.sizes) {
    const some = users.slice(0, size / DEVICES_EACH);
    const names = against.names.slice(0, size);
    const ours = (): void => {
      sender.send(some);
      afterwards();
    };
    const sides = against.opponents.map(({ side }) => side(names));
    const plan = { ...PLANS[size], between: () => sender.settle() };
    const [own = Number.NaN, ...theirs] = await mediansOfCalls(plan, [ours, ...sides]);
    sender.settle();
    against.opponents.forEach(({ what, goal }, i) => {
      rows.push(
        ratioRow({
          what: `${where}, ${size} devices: a send / ${what}`,
          ours: own / size,
          theirs: (theirs[i] ?? Number.NaN) / size,
          unit: 'us a device',
          goal,
        }),
      );
    });
  }
  return rows;
}
