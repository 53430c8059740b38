/** What happens to the records and sessions of a device, seen by comparing them before and after a commit. */

import type { CoreInput } from '@simsim/device-core';
import type { UserId } from '@simsim/relay-protocol';
import { allSessionsOf, userStream } from '@simsim/sesame';
import type { DeviceRecord, UserRecord } from '@simsim/sesame';
import type { Label } from '../case/case.ts';
import type { Situation } from '../case/situations.ts';
import type { Place } from '../device/host.ts';
import type { Machine } from '../device/machine.ts';
import type { Process } from '../device/process.ts';

/** Whose devices are looked at, and where it is written down. */
interface Watched extends Pick<Place, 'situations' | 'ledger'> {
  readonly machines: ReadonlyMap<Label, Machine>;
}

/** Looks at the records of users, one commit after the other. */
export class RecordNotes {
  readonly #world: Watched;
  readonly #before = new WeakMap<Process, Map<UserId, UserRecord>>();

  constructor(world: Watched) {
    this.#world = world;
  }

  /** A commit was made; the books do not know of it yet. */
  look(process: Process, inputs: readonly CoreInput[]): void {
    const known = this.#before.get(process) ?? new Map<UserId, UserRecord>();
    this.#before.set(process, known);
    const users = new Set([...this.#world.machines.values()].map(({ userId }) => userId));
    for (const userId of users) {
      const after = process.core.reader().value('user', userStream(userId));
      const before = known.get(userId);
      if (after === undefined || after === before) continue;
      known.set(userId, after);
      if (before !== undefined) this.#compare(process, { before, after, inputs });
    }
  }

  #compare(process: Process, { before, after, inputs }: Step): void {
    const { situations } = this.#world;
    const met = (situation: Situation): void => situations.met(situation);
    const isDrained = inputs.some(({ type }) => type === 'drained');
    for (const [deviceId, old] of before.devices) {
      const now = after.devices.get(deviceId);
      if (now === undefined) {
        if (isDrained) met('record of a removed device dropped');
        continue;
      }
      if (old.staleAt === undefined && now.staleAt !== undefined) met('device marked stale');
      if (isDrained && sessionCount(now) < sessionCount(old)) met('session deleted for its age');
      if ((old.frozen?.length ?? 0) > 0 && now.frozen === undefined)
        met('sessions of before a quarantine ended');
      this.#compareActive([old, now], `${process.address} ${after.userId}.${deviceId}`);
    }
  }

  /** `way`: from the device to the one that the records are of. */
  #compareActive([{ active: old, inactive }, now]: Devices, way: string): void {
    const { situations, ledger } = this.#world;
    const { active } = now;
    if (old === undefined || active === old) return;
    if (active === undefined) {
      if (now.inactive.includes(old)) situations.met('session too old to send');
      return;
    }
    if (inactive.includes(active)) {
      situations.met('message opened with a previous session');
      return;
    }
    if (!now.inactive.includes(old)) return;
    situations.met('session begun beside another');
    const [here, there] = way.split(' ');
    if (ledger.begun.has(way) && ledger.begun.has(`${there} ${here}`)) {
      situations.met('session replaced after simultaneous initiation');
    }
  }
}

/** A device's record, before and after. */
type Devices = readonly [before: DeviceRecord, after: DeviceRecord];

interface Step {
  readonly before: UserRecord;
  readonly after: UserRecord;
  readonly inputs: readonly CoreInput[];
}

function sessionCount(device: DeviceRecord): number {
  return allSessionsOf(device).length;
}
