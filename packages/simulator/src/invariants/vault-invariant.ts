/** What vaults hold: no more than what lives, and not for longer than their policy says. */

import type { EventRow } from '@simsim/event-log';
import type { Process } from '../device/process.ts';
import type { Invariant } from './invariant.ts';
import type { WatchedWorld } from './watched-world.ts';

/** Bytes of a digest: a sealed part that is no longer was pruned. */
const DIGEST_BYTES = 32;

/** S7. */
export const S7: Invariant = {
  id: 'S7',
  statement:
    'no vault is ahead of its log, further behind than its policy, or opens what was erased',
  watch(world) {
    return {
      *leaves({ log, machine }) {
        if (log.rollback !== undefined) return;
        const { flushEvents } = machine.policy;
        if (log.lag() >= flushEvents) {
          yield `${machine.label} posts with a vault ${log.lag()} events behind, of ${flushEvents}`;
        }
      },
      *rested() {
        for (const process of world.living()) {
          yield* ahead(process);
          yield* reopened(world, process);
        }
      },
    };
  },
};

/** Slots that count further than their streams. */
function* ahead({ machine }: Process): Generator<string> {
  const { vault, rows } = machine.disk.look() ?? {};
  for (const { use, owner, index } of vault?.liveSlots() ?? []) {
    const head = rows?.head(owner);
    if (use !== 'stream' || head === undefined || index <= head.version) continue;
    yield `the vault of ${machine.label} has key ${index} of a stream of ${head.version} events`;
  }
}

/** States that the log replaced and the last copy of all files opens. A state that lived twice is in two. */
function* reopened({ adversary, ledger }: WatchedWorld, process: Process): Generator<string> {
  const { machine, address } = process;
  const last = adversary?.seizures.at(-1);
  const isDoubled = ledger.doubled.some((each) => each.address === address);
  const { rows } = machine.disk.look() ?? {};
  if (rows === undefined || last === undefined || isDoubled || machine.disk.isUntrue) return;
  for (const row of rows.events(1, rows.tip().seq)) {
    const key = isErased(row, rows.head(row.stream)) && adversary?.sealKeyOf(row.sealed);
    if (typeof key === 'number' && last.files.has(key)) {
      yield `the files of ${machine.label} open the state of event ${row.seq}, which was replaced`;
    }
  }
}

function isErased(
  { seq, sealed }: EventRow,
  head: { readonly sealed: number; readonly state: number } | undefined,
): boolean {
  if (sealed === undefined || sealed.length <= DIGEST_BYTES || head === undefined) return false;
  return head.sealed !== seq || head.state !== 0;
}
