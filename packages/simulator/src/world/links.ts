/** Machines that come into a world: of new users, and of devices that are linked through others. */

import { invariant } from '@simsim/bytes';
import type { DeviceId } from '@simsim/relay-protocol';
import {
  answerOffer,
  contactOf,
  createLinkOffer,
  openProvision,
  USER_PREFIX,
} from '@simsim/sesame';
import type { Contact } from '@simsim/sesame';
import type { Label } from '../case/case.ts';
import { Machine } from '../device/machine.ts';
import { ownListInput } from '../device/own-device.ts';
import type { Process } from '../device/process.ts';
import { fetchOwnList } from '../device/prove.ts';
import { Dice } from '../dice.ts';
import { open } from './lives.ts';
import type { World } from './world.ts';

/** Devices of one user in a world, gone ones apart. */
const DEVICES_MAX = 5;

/** What is asked of whom a device is linked through. */
export interface LinkWishes {
  readonly as: Label;
  /** The lost device whose place it takes. */
  readonly replaces?: DeviceId;
  /** The id that chance is to give it. */
  readonly deviceId?: DeviceId;
}

/** A machine with its clock, on which nothing runs yet. */
export function newMachine(world: World, { label, userId, disk }: NewMachine): Machine {
  const { skewMs: most, flushEvents } = world.knobs;
  const skewMs = new Dice(world.seed, `skew/${label}`).between(-most, most);
  const policy = { flushEvents, wipe: 'strict', prunes: false } as const;
  const machine = new Machine({ label, userId, disk, policy, skewMs });
  world.machines.set(label, machine);
  return machine;
}

/** What a machine begins with. */
type NewMachine = Pick<Machine, 'label' | 'userId' | 'disk'>;

/** A first process, on an empty disk. */
export function boot(world: World, machine: Machine): Process {
  const process = open(world, machine);
  invariant(process !== undefined, 'nothing dies on an empty disk');
  return process;
}

/** Links a device through another one, at one moment; `undefined` where that fails. */
export function link(
  world: World,
  approver: Process,
  { as, replaces, deviceId }: LinkWishes,
): Process | undefined {
  const { userId } = approver.machine;
  const owned = world.living().filter(({ machine }) => machine.userId === userId);
  if (world.machines.has(as) || owned.length >= DEVICES_MAX) return undefined;
  if (!mayChangeList(approver)) return undefined;
  const dice = new Dice(world.seed, `link/${as}`);
  const env = { crypto: world.crypto, entropy: (length: number) => dice.bytes(length) };
  const { keys, offer } = createLinkOffer(env);
  const contacts = contactsOf(approver);
  const { crypto } = approver.env;
  const answer = answerOffer(
    ownListInput(approver.core),
    { offer, contacts, ...(replaces !== undefined && { replaces }) },
    { crypto, entropy: wishing(approver.env, deviceId) },
  );
  if (!answer.ok) return undefined;
  const { ciphertext } = answer.value;
  const provision = openProvision({ keys, offer, ciphertext }, world.crypto);
  invariant(provision.ok, 'an honest answer opens');
  const disk = world.newDisk(as);
  const process = boot(world, newMachine(world, { label: as, userId, disk }));
  process.run({
    type: 'linked',
    provision: provision.value,
    keys,
    registrationId: offer.registrationId,
    oneTimeKeys: world.knobs.oneTimeKeys,
  });
  world.situations.met('device linked');
  world.endanger(process.machine);
  return process;
}

/** Whether a device knows the newest list of its user, and may change it. */
export function mayChangeList(process: Process): boolean {
  if (process.own().status !== 'registered') return false;
  const list = fetchOwnList(process);
  if (list === undefined) return false;
  process.run({ type: 'listLearned', list });
  return process.own().status === 'registered';
}

function contactsOf({ log, core }: Process): Contact[] {
  return log.streamsWithPrefix(USER_PREFIX).flatMap((stream) => {
    const record = core.reader().value('user', stream);
    return record === undefined ? [] : [contactOf(record)];
  });
}

/** Entropy of which the first byte that is drawn alone is a wish. */
function wishing({ entropy }: Process['env'], wish: number | undefined): Process['env']['entropy'] {
  let left = wish;
  return (length) => {
    if (length !== 1 || left === undefined) return entropy(length);
    const wished = Uint8Array.of(left);
    left = undefined;
    return wished;
  };
}
