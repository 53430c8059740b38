/**
 * What every device must have, computed from the journal alone.
 *
 * A line that the relay accepted for a user at list version v is owed to every device of that
 * user's list at v, the sending device excepted. Lists by version follow from the creations, links
 * and removals. A removed device owes only what it had acknowledged.
 */

import { deviceKey } from './journal.ts';
import type { DeviceName, JournalEntry } from './journal.ts';
import type { PlayLine } from './room.ts';

/** A line as a device must have it. */
export interface OwedLine {
  readonly messageId: string;
  readonly from: DeviceName;
  readonly text: string;
}

/** What one device owes. */
export interface DeviceDebt extends DeviceName {
  /** By message id. */
  readonly owed: ReadonlyMap<string, OwedLine>;
  readonly isRemoved: boolean;
  /** Message ids whose acknowledgement the coordinator heard of. */
  readonly acknowledged: ReadonlySet<string>;
}

/** What all devices owe, and what the journal itself says is not right. */
export interface Expectation {
  /** By {@link deviceKey}; one for every device that was ever listed. */
  readonly debts: ReadonlyMap<string, DeviceDebt>;
  /** Pairs of line and recipient user that the relay did not accept. */
  readonly unaccepted: number;
  /** Acceptances whose list version the journal does not explain. */
  readonly unexplained: number;
}

interface MutableDebt extends DeviceName {
  readonly owed: Map<string, OwedLine>;
  isRemoved: boolean;
  readonly acknowledged: Set<string>;
}

/** Folds the journal. The journal may be in any order that keeps each user's list changes apart. */
export function expectDeliveries(
  journal: readonly JournalEntry[],
  lines: readonly PlayLine[],
): Expectation {
  const debts = openDebts(journal);
  const lists = listsByVersion(journal);
  const senders = sendersByLine(journal);
  const accepted = new Set<string>();
  let unexplained = 0;
  for (const entry of journal) {
    if (entry.type === 'acknowledged')
      debts.get(deviceKey(entry))?.acknowledged.add(entry.messageId);
    if (entry.type !== 'accepted') continue;
    const line = lines[entry.line];
    const sender = senders.get(entry.line);
    const devices = lists.get(entry.user)?.get(entry.version);
    if (line === undefined || sender === undefined || devices === undefined) {
      unexplained++;
      continue;
    }
    accepted.add(`${entry.line} ${entry.user}`);
    for (const device of devices) {
      const name = { user: entry.user, device };
      if (deviceKey(name) === deviceKey(sender.from)) continue;
      const owed = { ...sender, text: line.text };
      debts.get(deviceKey(name))?.owed.set(sender.messageId, owed);
    }
  }
  const wanted = lines.flatMap((line) =>
    [...new Set([...line.to, line.from])].map((user) => `${line.index} ${user}`),
  );
  return {
    debts,
    unaccepted: wanted.filter((pair) => !accepted.has(pair)).length,
    unexplained,
  };
}

function openDebts(journal: readonly JournalEntry[]): Map<string, MutableDebt> {
  const debts = new Map<string, MutableDebt>();
  for (const entry of journal) {
    const { type } = entry;
    if (type === 'created' || type === 'linked') {
      const { user, device } = entry;
      const debt = {
        user,
        device,
        owed: new Map(),
        isRemoved: false,
        acknowledged: new Set<string>(),
      };
      debts.set(deviceKey(entry), debt);
    }
  }
  for (const entry of journal) {
    const debt = entry.type === 'removed' ? debts.get(deviceKey(entry)) : undefined;
    if (debt !== undefined) debt.isRemoved = true;
  }
  return debts;
}

/** The devices of each user's list at each version. A version the journal skips has none. */
function listsByVersion(
  journal: readonly JournalEntry[],
): ReadonlyMap<string, ReadonlyMap<number, readonly number[]>> {
  const changes = journal.flatMap((entry) =>
    entry.type === 'created' || entry.type === 'linked' || entry.type === 'removed' ? [entry] : [],
  );
  const lists = new Map<string, Map<number, readonly number[]>>();
  for (const { type, user, device, version } of changes.toSorted((a, b) => a.version - b.version)) {
    const versions = lists.get(user) ?? new Map<number, readonly number[]>();
    lists.set(user, versions);
    const before = versions.get(version - 1);
    if (type === 'created') versions.set(version, [device]);
    else if (before !== undefined) {
      const rest = before.filter((each) => each !== device);
      versions.set(version, type === 'linked' ? [...rest, device] : rest);
    }
  }
  return lists;
}

function sendersByLine(
  journal: readonly JournalEntry[],
): ReadonlyMap<number, { readonly messageId: string; readonly from: DeviceName }> {
  const senders = new Map<number, { messageId: string; from: DeviceName }>();
  for (const entry of journal) {
    if (entry.type !== 'issued') continue;
    const { messageId, user, device } = entry;
    senders.set(entry.line, { messageId, from: { user, device } });
  }
  return senders;
}
