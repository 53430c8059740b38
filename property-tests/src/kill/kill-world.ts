/**
 * One device that is killed again and again on the same files while it talks with two others, and
 * what must hold after each death and once the world is at rest.
 */

import { mkdirSync, rmSync } from 'node:fs';
import { invariant } from '@simsim/bytes';
import type { CoreInput, CoreOutcome } from '@simsim/device-core';
import { parseUserId } from '@simsim/relay-protocol';
import type { DeviceHead, UserId } from '@simsim/relay-protocol';
import type { Effect } from '@simsim/sesame';
import { createDice } from './dice.ts';
import type { Dice } from './dice.ts';
import type { TraceEntry } from '../forensic/trace.ts';
import type { ForensicLife, KillSabotage, Life, Report } from './frame-codec.ts';
import { KillFault } from './kill-fault.ts';
import { Ledger } from './ledger.ts';
import { createNetwork } from './network.ts';
import type { Ask } from './network.ts';
import { Party } from './party.ts';
import type { Runner } from './party.ts';
import { createPeer, ONE_TIME_KEYS } from './peer.ts';
import type { Peer } from './peer.ts';
import type { Death, WorldPlan } from './plan.ts';
import { Examiner, keptOf } from './remains.ts';
import type { Remains } from './remains.ts';
import { isCreation, needsTornVault } from './sites.ts';
import type { Site } from './sites.ts';
import { playStep } from './steps.ts';
import type { Victim, VictimPool } from './victim.ts';

/** How a world is set up. */
export interface KillWorldOptions {
  /** Where the victim's files are. */
  readonly folder: string;
  /** Where copies of them are looked at. */
  readonly scratch: string;
  readonly seed: number;
  readonly name: string;
  readonly plan: WorldPlan;
  readonly pool: VictimPool;
  readonly sabotage?: KillSabotage;
  /** Records secrets, which `onTrace` gets as they come. */
  readonly forensic?: ForensicLife;
  readonly onTrace?: (entries: readonly TraceEntry[]) => void;
  /**
   * Looks at the files while nobody has them open: after each death and at the end. Gets every text that
   * was sent so far.
   */
  readonly onStill?: (texts: readonly string[]) => void;
  readonly onDeath?: (site: Site | 'moment' | 'opening') => void;
}

/** What a world came to. */
export interface KillWorldResult {
  readonly messages: number;
  readonly ciphertexts: number;
  readonly keys: number;
  readonly acknowledged: number;
  readonly events: number;
  readonly closes: number;
}

/** Steps after which a life is closed where the place of its death was never passed. */
const STEPS_MAX = 250;
/** Leaves a vault that the next opening has to mend. */
const TEAR: Death = { kind: 'site', site: 'vault:copy-synced', count: 1 };

/** Lives spent on one death before it is given up. */
const TRIES_MAX = 5;
const SETTLE_ROUNDS_MAX = 60;

/** Plays a plan to its end. Throws: KillFault where a promise was not kept. */
export async function playKillWorld(options: KillWorldOptions): Promise<KillWorldResult> {
  for (const folder of [options.folder, options.scratch]) mkdirSync(folder, { recursive: true });
  const world = new KillWorld(options);
  try {
    await world.begin();
    for (const death of options.plan) await world.suffer(death);
    return await world.rest();
  } finally {
    await world.end();
    for (const folder of [options.folder, options.scratch])
      rmSync(folder, { recursive: true, force: true });
  }
}

function user(name: string): UserId {
  const parsed = parseUserId(name);
  invariant(parsed.ok, 'the harness names users well');
  return parsed.value;
}

/** Whether an opened log will not pass the place of this death any more. */
function isOver(death: Death): boolean {
  return death.kind === 'site' && (isCreation(death.site) || needsTornVault(death.site));
}

/** How one life ended. */
type End = 'killed' | 'closed';

class KillWorld {
  readonly #options: KillWorldOptions;
  readonly #ledger = new Ledger();
  readonly #ask: Ask = createNetwork();
  readonly #dice: Dice;
  readonly #examiner: Examiner;
  readonly #peers: Peer[] = [];
  readonly #party: Party;
  #isMade = false;
  #closes = 0;
  #life: VictimLife | undefined;

  constructor(options: KillWorldOptions) {
    this.#options = options;
    this.#dice = createDice(options.seed, options.name);
    this.#examiner = new Examiner(options.folder, options.scratch);
    this.#party = new Party(user('ada'), { ask: this.#ask, runner: () => this.#runner() });
  }

  async begin(): Promise<void> {
    for (const name of ['bo', 'cy']) {
      const onEffect = (effect: Effect): void => this.#ledger.leftPeer(effect);
      this.#peers.push(await createPeer({ userId: user(name), ask: this.#ask, onEffect }));
    }
  }

  /** Lives until this death; a place that a life never passed is tried again. */
  async suffer(death: Death): Promise<void> {
    let wanted = death;
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      if ((await this.#live(wanted)) === 'killed') return;
      if (wanted.kind !== 'site') continue;
      // The first one passed is as good as a later one, and a mended vault is torn again before.
      wanted = { ...wanted, count: 1 };
      if (needsTornVault(wanted.site)) await this.suffer(TEAR);
    }
  }

  /** The world comes to rest, and everything is where it belongs, once. */
  async rest(): Promise<KillWorldResult> {
    await this.#live(undefined);
    const remains = this.#examiner.examine(this.#ledger);
    this.#look();
    this.#checkDelivered(remains);
    const { ordered, outside, acknowledged } = this.#ledger;
    return {
      messages: ordered.size,
      ciphertexts: outside.size,
      keys: this.#ledger.keysUsed(),
      acknowledged: acknowledged.size,
      events: remains.events,
      closes: this.#closes,
    };
  }

  /** Lets nobody live on whose world has ended early. */
  async end(): Promise<void> {
    await this.#life?.end();
  }

  async #live(death: Death | undefined): Promise<End> {
    const { folder, pool, sabotage, forensic, onTrace } = this.#options;
    const [party, ledger] = [this.#party, this.#ledger];
    const life = new VictimLife(pool.take(), { party, ledger, onTrace });
    this.#life = life;
    const order = life.open({
      folder,
      isMade: this.#isMade,
      wipe: this.#wipeFor(death),
      kill: death?.kind === 'site' ? { site: death.site, count: death.count } : undefined,
      sabotage,
      forensic,
    });
    if (death?.kind === 'moment' && death.steps === 0) life.killAfter(death.delayUs);
    const end = (await order) ? await this.#spend(life, death) : 'killed';
    if (end === 'killed') await this.#bury(life);
    return end;
  }

  /** Lazy wiping has no place before zeroing; all else happens with both. */
  #wipeFor(death: Death | undefined): 'strict' | 'lazy' {
    if (this.#options.forensic !== undefined) return 'strict';
    if (death?.kind === 'site' && death.site === 'vault:before-zero') return 'strict';
    return this.#dice(3) === 0 ? 'lazy' : 'strict';
  }

  /** A life from its start to its end. */
  async #spend(life: VictimLife, death: Death | undefined): Promise<End> {
    this.#isMade = true;
    if (!(await this.#start(life))) return 'killed';
    if (death === undefined) {
      if (!(await this.#settle())) throw new KillFault('CRASHED', 'died in peace');
      return this.#close(life);
    }
    const stepsMax = isOver(death) ? 0 : STEPS_MAX;
    for (let step = 1; step <= stepsMax; step++) {
      if (death.kind === 'moment' && step === death.steps) life.killAfter(death.delayUs);
      const isAlive = await playStep({
        dice: this.#dice,
        victim: this.#party,
        peers: this.#peers.map(({ party }) => party),
        ledger: this.#ledger,
        flush: () => life.flush(),
      });
      if (!isAlive) return 'killed';
    }
    return this.#close(life);
  }

  async #start(life: VictimLife): Promise<boolean> {
    if (life.token() === undefined) {
      const { userId } = this.#party;
      const input: CoreInput = { type: 'create', userId, oneTimeKeys: ONE_TIME_KEYS };
      if ((await this.#party.run(input)) === undefined) return false;
    } else if ((await this.#party.run({ type: 'started' })) === undefined) return false;
    return !this.#party.isRegistering || this.#party.register();
  }

  async #close(life: VictimLife): Promise<End> {
    if (!(await life.close())) return 'killed';
    this.#closes++;
    this.#examiner.examine(this.#ledger);
    return 'closed';
  }

  /** After a death: what was on the wire may still arrive, and the files keep every promise. */
  async #bury(life: VictimLife): Promise<void> {
    const where = await life.buried();
    this.#options.onDeath?.(where);
    if (!this.#isMade) return;
    const arriving = this.#party.posts.filter(() => this.#dice(2) === 0);
    if (life.token() !== undefined) this.#party.handOver(arriving);
    this.#examiner.examine(this.#ledger);
    this.#look();
  }

  #look(): void {
    this.#options.onStill?.([...this.#ledger.ordered.values()].map(({ text }) => text));
  }

  #runner(): Runner {
    invariant(this.#life !== undefined, 'there is a life');
    return this.#life;
  }

  /** Everybody works until nothing moves. */
  async #settle(): Promise<boolean> {
    const parties = [this.#party, ...this.#peers.map(({ party }) => party)];
    for (let round = 0; round < SETTLE_ROUNDS_MAX; round++) {
      if (!(await this.#orderAgain())) return false;
      let isMoving = false;
      for (const party of parties) {
        const mail = party.mailbox();
        isMoving ||= mail.length > 0 || party.isBusy();
        const isAlive =
          (await party.work()) && (await party.takeIn(mail)) && (await party.keep(party.inbox));
        if (!isAlive) return false;
        party.acknowledge();
      }
      if (!isMoving) return true;
    }
    throw new KillFault('RESTLESS', 'somebody goes on sending');
  }

  /** Sends of which nobody knows whether they are durable are given again, by the same id. */
  async #orderAgain(): Promise<boolean> {
    for (const [messageId, sent] of this.#ledger.ordered) {
      if (sent.isPromised) continue;
      if (!(await this.#party.send(messageId, sent.to, sent.text))) return false;
      sent.isPromised = true;
    }
    return true;
  }

  #checkDelivered({ kept, pending }: Remains): void {
    if (pending > 0) throw new KillFault('NEVER_DELIVERED', `${pending} rows wait at rest`);
    const keptBy = new Map<UserId, ReadonlyMap<string, readonly string[]>>([
      [this.#party.userId, kept],
    ]);
    for (const { party, log } of this.#peers) keptBy.set(party.userId, keptOf(log));
    for (const [messageId, { to, text }] of this.#ledger.ordered) {
      for (const userId of to) {
        const texts = keptBy.get(userId)?.get(messageId) ?? [];
        if (texts.length === 0) throw new KillFault('NEVER_DELIVERED', `message ${messageId}`);
        if (texts.length > 1 || texts[0] !== text) {
          throw new KillFault('DELIVERED_WRONG', `message ${messageId}`);
        }
      }
    }
  }
}

/** One process and what it says. */
class VictimLife implements Runner {
  readonly #victim: Victim;
  readonly #party: Party;
  readonly #ledger: Ledger;
  readonly #onTrace: KillWorldOptions['onTrace'];
  #token: Uint8Array | undefined;
  #where: Site | undefined;
  #hasOpened = false;

  constructor(
    victim: Victim,
    parts: {
      readonly party: Party;
      readonly ledger: Ledger;
      readonly onTrace: KillWorldOptions['onTrace'];
    },
  ) {
    this.#victim = victim;
    this.#party = parts.party;
    this.#ledger = parts.ledger;
    this.#onTrace = parts.onTrace;
  }

  async open(life: Life): Promise<boolean> {
    const ready = await this.#victim.next();
    if (ready === undefined) return false;
    this.#victim.order({ type: 'open', life });
    const answer = await this.#answer();
    if (answer?.type === 'refused') {
      throw new KillFault('REFUSED', `${answer.code}: ${answer.detail}`);
    }
    if (answer?.type !== 'opened') return false;
    this.#hasOpened = true;
    const { found } = answer;
    this.#token = found.token;
    this.#party.reborn(found);
    // The outbox leaves again with the first work, so it counts as seen.
    for (const item of found.outbox) this.#ledger.leftVictim({ type: 'post', ...item });
    return true;
  }

  async run(inputs: readonly CoreInput[]): Promise<readonly CoreOutcome[] | undefined> {
    this.#victim.order({ type: 'run', inputs });
    const answer = await this.#answer();
    if (answer?.type !== 'ran') return undefined;
    this.#token = answer.token;
    this.#ledger.tip = answer.tip;
    return answer.outcomes;
  }

  async registration(nonce: Uint8Array): ReturnType<Runner['registration']> {
    this.#victim.order({ type: 'register', nonce });
    const answer = await this.#answer();
    return answer?.type === 'request' ? { request: answer.request } : undefined;
  }

  async head(): Promise<DeviceHead | undefined> {
    this.#victim.order({ type: 'head' });
    const answer = await this.#answer();
    return answer?.type === 'head' ? answer.head : undefined;
  }

  token(): Uint8Array | undefined {
    return this.#token;
  }

  async flush(): Promise<boolean> {
    this.#victim.order({ type: 'flush' });
    return (await this.#answer())?.type === 'done';
  }

  async close(): Promise<boolean> {
    this.#victim.order({ type: 'close' });
    if ((await this.#answer())?.type !== 'done') return false;
    await this.#victim.ended('closed');
    return true;
  }

  /** Kills from outside, after about so many microseconds. */
  killAfter(delayUs: number): void {
    const atMs = performance.now() + delayUs / 1000;
    const look = (): void => {
      if (performance.now() >= atMs) this.#victim.kill();
      else setImmediate(look);
    };
    look();
  }

  async end(): Promise<void> {
    this.#victim.kill();
    await this.#victim.dead();
  }

  /** Waits for its end and says where it was. */
  async buried(): Promise<Site | 'moment' | 'opening'> {
    while ((await this.#answer()) !== undefined);
    await this.#victim.ended('SIGKILL');
    return this.#where ?? (this.#hasOpened ? 'moment' : 'opening');
  }

  /** The next answer; effects on the way are taken in. */
  async #answer(): Promise<Report | undefined> {
    for (;;) {
      const report = await this.#victim.next();
      if (report?.type === 'dying') this.#where = report.site;
      else if (report?.type === 'trace') this.#onTrace?.(report.entries);
      else if (report?.type !== 'effect') return report;
      else {
        this.#ledger.leftVictim(report.effect);
        this.#party.take(report.effect);
      }
    }
  }
}
