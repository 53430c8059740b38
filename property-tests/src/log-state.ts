/** What a log holds, in a form that tests can compare. */

import { bytesToHex, invariant } from '@simsim/bytes';
import type { EventLog } from '@simsim/event-log';
import { decodeFact } from '@simsim/sesame';

/** Everything durable of a log, as text that can be compared. */
export function stateOf(log: EventLog): Record<string, string> {
  const { seq, hash } = log.tip();
  const state: Record<string, string> = { tip: `${seq} ${bytesToHex(hash)}` };
  for (const stream of log.streamsWithPrefix('')) {
    const sealed = log.sealedValue(stream);
    state[stream] = `${log.head(stream)?.version} ${hex(sealed)} ${hex(log.record(stream))}`;
    if (sealed !== undefined) sealed.fill(0);
  }
  log.outbox().forEach((row, i) => (state[`outbox ${i}`] = hex(row.body)));
  log.inbox().forEach((row, i) => (state[`inbox ${i}`] = hex(row.body)));
  for (const { key, value } of log.dataEntries()) state[`data ${key}`] = hex(value);
  return state;
}

/** The facts of a log, in order. */
export function* factsOf(log: EventLog): Generator<{ name: string; stream: string }> {
  for (const event of log.events()) {
    const fact = decodeFact(event);
    invariant(fact !== undefined, 'every event can be read');
    yield { name: fact.name, stream: event.stream };
  }
}

/** Bytes as text; nothing has a name of its own. */
export function hex(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? 'none' : bytesToHex(bytes);
}

/** The rows of a test's application: how often each message was kept, and what it said. */
export function keptRows(log: EventLog): Map<string, { count: number; line: string }> {
  const rows = new Map<string, { count: number; line: string }>();
  for (const { key, value } of log.dataEntries()) {
    const line = new TextDecoder().decode(value.subarray(1));
    rows.set(key.slice('chat/'.length), { count: value[0] ?? 0, line });
  }
  return rows;
}
