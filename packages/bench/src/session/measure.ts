/** What one implementation costs per operation, in a process of its own. */

import type { Result } from '@simsim/bytes';
import { compareBytes, invariant } from '@simsim/bytes';
import { nodeEntropy } from '@simsim/crypto/node';
import type { Bundle, Device, Letter, Peer, Refusal } from '@simsim/interop';
import type { WireVersion } from '@simsim/session';
import { median } from '../report.ts';

/** Medians of CPU time of all threads, microseconds for each operation, and sizes in bytes. */
export interface Costs {
  /** Both sides: a session from a bundle with a one-time prekey, and its first message. */
  readonly establish: number;
  readonly encrypt: number;
  readonly decrypt: number;
  /** One message there or back, so that each turns the ratchet: encrypt and decrypt. */
  readonly pingPong: number;
  /** One of 1,000 messages that come in the reverse order: decrypt. */
  readonly reverse: number;
  /** How many of those 1,000 opened. */
  readonly reverseOpened: number;
  /** In order, while 1,000 skipped keys are held; 0 where they could not be brought about. */
  readonly decryptBesideSkipped: number;
  /** The same after the same 1,000 messages, all of which were taken in order. */
  readonly decryptBesideNone: number;
  readonly wireFirst: number;
  readonly wireSteady: number;
}

/** How long is measured. */
export interface Effort {
  /** Everything is done again and again for this long before anything counts. */
  readonly warmMs: number;
  readonly rounds: number;
  readonly messages: number;
}

const REVERSED = 1000;
/** Rounds of what takes a thousand messages each. */
const LONG_ROUNDS = 5;
/** Batches of in-order messages beside the skipped ones: the first pays for what went before. */
const BATCHES = 5;
const BODY_BYTES = 256;

interface Pair {
  readonly alice: Device;
  readonly bob: Device;
}

/** Measures a peer in one version of the wire. */
export async function measure(
  peer: Peer,
  { version, effort }: { version: WireVersion; effort: Effort },
): Promise<Costs> {
  // Olm takes text: printable characters are as many bytes for everybody.
  const body = nodeEntropy(BODY_BYTES).map((byte) => 0x20 + (byte & 0x3f));
  const run = { peer, version, body, messages: effort.messages };
  const until = Date.now() + effort.warmMs;
  let found = await measureOnce(run);
  while (Date.now() < until) found = await measureOnce(run);
  const all: Costs[] = [];
  for (let round = 0; round < effort.rounds; round++) all.push(await measureOnce(run));
  const beside: number[] = [];
  const besideNone: number[] = [];
  const reversed: Pick<Costs, 'reverse' | 'reverseOpened'>[] = [];
  for (let round = 0; round < LONG_ROUNDS; round++) {
    beside.push(await besideSkipped(run, 'skipped'));
    besideNone.push(await besideSkipped(run, 'taken'));
    reversed.push(await reverse(run));
  }
  const of = (key: keyof Costs): number => median(all.map((costs) => costs[key]));
  return {
    ...found,
    establish: of('establish'),
    encrypt: of('encrypt'),
    decrypt: of('decrypt'),
    pingPong: of('pingPong'),
    reverse: median(reversed.map((each) => each.reverse)),
    reverseOpened: Math.min(...reversed.map((each) => each.reverseOpened)),
    decryptBesideSkipped: median(beside),
    decryptBesideNone: median(besideNone),
  };
}

interface Run {
  readonly peer: Peer;
  readonly version: WireVersion;
  readonly body: Uint8Array;
  readonly messages: number;
}

async function measureOnce(run: Run): Promise<Costs> {
  const { body, messages } = run;
  const { pair, cost: establish, first } = await established(run);
  await answer(pair, body);
  const letters: Letter[] = [];
  const encrypt = await cpuUs(messages, async () => {
    letters.push(await sent(pair.alice, body));
  });
  const decrypt = await cpuUs(messages, async (i) => {
    await opened(pair.bob, letters[i], body);
  });
  const pingPong = await cpuUs(messages, async (i) => {
    const [from, to] = i % 2 === 0 ? [pair.bob, pair.alice] : [pair.alice, pair.bob];
    await opened(to, await sent(from, body), body);
  });
  return {
    establish,
    encrypt,
    decrypt,
    pingPong,
    reverse: 0,
    reverseOpened: 0,
    decryptBesideSkipped: 0,
    decryptBesideNone: 0,
    wireFirst: first.bytes.length,
    wireSteady: letters.at(-1)?.bytes.length ?? 0,
  };
}

/** A new pair and what its beginning cost, in mean over a few. */
async function established(run: Run): Promise<{ pair: Pair; cost: number; first: Letter }> {
  const { peer, version, body } = run;
  const count = 4;
  const pairs: Pair[] = [];
  const bundles: Bundle[] = [];
  for (let i = 0; i < count; i++) {
    const alice = await peer.createDevice(nodeEntropy);
    const bob = await peer.createDevice(nodeEntropy);
    pairs.push({ alice, bob });
    bundles.push(value(await bob.publish({ version, withOneTimePreKey: true })));
  }
  let first: Letter | undefined;
  const cost = await cpuUs(count, async (i) => {
    const pair = pairs[i];
    const bundle = bundles[i];
    invariant(pair !== undefined && bundle !== undefined, 'there are as many as were made');
    value(await pair.alice.initiate(bundle));
    first = await sent(pair.alice, body);
    await opened(pair.bob, first, body);
  });
  const [pair] = pairs;
  invariant(pair !== undefined && first !== undefined, 'a pair was made');
  return { pair, cost, first };
}

/** An answer, after which nobody sends what begins the session any more. */
async function answer({ alice, bob }: Pair, body: Uint8Array): Promise<void> {
  await opened(alice, await sent(bob, body), body);
}

async function reverse(run: Run): Promise<Pick<Costs, 'reverse' | 'reverseOpened'>> {
  const { pair } = await established(run);
  await answer(pair, run.body);
  const letters: Letter[] = [];
  for (let i = 0; i < REVERSED; i++) letters.push(await sent(pair.alice, run.body));
  letters.reverse();
  let reverseOpened = 0;
  const cost = await cpuUs(REVERSED, async (i) => {
    const letter = letters[i];
    invariant(letter !== undefined, 'there are as many as were made');
    const plaintext = await pair.bob.decrypt(letter);
    if (plaintext.ok && compareBytes(plaintext.value, run.body) === 0) reverseOpened++;
  });
  return { reverse: cost, reverseOpened };
}

async function besideSkipped(run: Run, before: 'skipped' | 'taken'): Promise<number> {
  const { pair } = await established(run);
  await answer(pair, run.body);
  for (let i = 0; i < REVERSED; i++) {
    const letter = await sent(pair.alice, run.body);
    if (before === 'taken') await opened(pair.bob, letter, run.body);
  }
  const letters: Letter[] = [];
  for (let i = 0; i <= run.messages * BATCHES; i++) letters.push(await sent(pair.alice, run.body));
  const [jump, ...inOrder] = letters;
  invariant(jump !== undefined, 'a message was made');
  if (!(await pair.bob.decrypt(jump)).ok) return 0;
  const batches: number[] = [];
  for (let batch = 0; batch < BATCHES; batch++) {
    const cost = await cpuUs(run.messages, async (i) => {
      await opened(pair.bob, inOrder[batch * run.messages + i], run.body);
    });
    batches.push(cost);
  }
  return median(batches);
}

/** CPU time of one of `count` calls, user and system, of all threads. */
async function cpuUs(count: number, call: (i: number) => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  for (let i = 0; i < count; i++) await call(i);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

async function sent(device: Device, body: Uint8Array): Promise<Letter> {
  return value(await device.encrypt(body));
}

async function opened(device: Device, letter: Letter | undefined, body: Uint8Array): Promise<void> {
  invariant(letter !== undefined, 'there are as many as were made');
  const plaintext = value(await device.decrypt(letter));
  invariant(compareBytes(plaintext, body) === 0, 'it opens to what was sent');
}

function value<T>(result: Result<T, Refusal>): T {
  if (!result.ok) throw new Error(`refused: ${result.error.code}`);
  return result.value;
}
