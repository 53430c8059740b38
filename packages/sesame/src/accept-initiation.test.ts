import { invariant } from '@simsim/bytes';
import type { IncomingEnvelope, PreKeyUpload } from '@simsim/relay-protocol';
import { emptyReplayRecord } from '@simsim/session';
import type { ReplayRecord } from '@simsim/session';
import { describe, expect, it } from 'vitest';
import { firstMail, listOfAda, newDevice } from '../test/first-mail.ts';
import type { MemorySlice } from '../test/memory-slice.ts';
import type { Decision } from './decision.ts';
import { AGREEMENTS_REMEMBERED_MAX } from './limits.ts';
import { valueOfKind } from './stream-codec.ts';
import { PRE_KEYS_STREAM, replaysStream } from './streams.ts';

function lastResorts(slice: MemorySlice): readonly number[] {
  const preKeys = valueOfKind('prekeys', slice.value(PRE_KEYS_STREAM));
  return preKeys?.lastResorts.map((key) => key.id) ?? [];
}

/** A record that holds so many agreements of others. */
function recordOf(count: number): ReplayRecord {
  const fingerprints = new Uint8Array(32 * count);
  for (let row = 0; row < count; row++) fingerprints.set([row >> 8, row & 0xff], 32 * row);
  return { ...emptyReplayRecord(AGREEMENTS_REMEMBERED_MAX), fingerprints };
}

const uploads = ({ effects }: Decision): PreKeyUpload[] =>
  effects.flatMap((effect) => (effect.type === 'uploadKeys' ? [effect.keys] : []));

describe('a record of agreements', () => {
  /** Bo with a record that holds so many, and what a first message does to him. */
  const taken = (count: number): { bo: MemorySlice; mail: IncomingEnvelope; before: number } => {
    const to = newDevice('bo', 1);
    const [before] = lastResorts(to);
    invariant(before !== undefined, 'a device has a last resort');
    to.values.set(replaysStream(before), recordOf(count));
    const mail = firstMail(to, 2);
    to.take({ type: 'registered' });
    return { bo: to, mail, before };
  };

  it('that is nine tenths full replaces the last resort in the same commit (PQ-12)', () => {
    const nearly = Math.ceil(AGREEMENTS_REMEMBERED_MAX * 0.9);
    const early = taken(nearly - 2);
    expect(uploads(early.bo.take({ type: 'envelope', envelope: early.mail }))).toEqual([]);
    expect(lastResorts(early.bo)).toEqual([early.before]);

    const late = taken(nearly - 1);
    const decision = late.bo.take({ type: 'envelope', envelope: late.mail });
    const [fresh, old] = lastResorts(late.bo);
    expect(old).toBe(late.before);
    expect(uploads(decision).map((keys) => keys.lastResortKemPreKey.id)).toEqual([fresh]);
    const record = valueOfKind('replays', late.bo.value(replaysStream(late.before)));
    expect(record?.fingerprints.length).toBe(32 * nearly);
  });

  it('of a last resort that was replaced before replaces no other one', () => {
    const { bo, mail, before } = taken(AGREEMENTS_REMEMBERED_MAX - 1);
    const preKeys = valueOfKind('prekeys', bo.value(PRE_KEYS_STREAM));
    const [old] = preKeys?.lastResorts ?? [];
    invariant(preKeys !== undefined && old !== undefined, 'a device has a last resort');
    const fresh = { ...old, id: old.id + 50 };
    bo.values.set(PRE_KEYS_STREAM, { ...preKeys, lastResorts: [fresh, old] });
    expect(uploads(bo.take({ type: 'envelope', envelope: mail }))).toEqual([]);
    expect(lastResorts(bo)).toEqual([fresh.id, before]);
  });

  it('that is full refuses, and what it refused is asked for again', () => {
    const { bo: full, mail } = taken(AGREEMENTS_REMEMBERED_MAX);
    full.take({ type: 'listLearned', list: listOfAda(2) });
    const { effects, changes } = full.take({ type: 'envelope', envelope: mail });
    const end = { state: 'resend-requested', reason: 'REPLAY_RECORD_FULL' };
    expect(effects).toContainEqual(expect.objectContaining({ end }));
    expect(changes).toEqual([]);
  });
});

describe('a first message', () => {
  it.each(['signed', 'lastResorts'] as const)(
    'that names a prekey that is not there is refused and asked for again, %s (X3-19)',
    (kind) => {
      const to = newDevice('bo', 1);
      const mail = firstMail(to, 2);
      to.take({ type: 'registered' });
      to.take({ type: 'listLearned', list: listOfAda(2) });
      const preKeys = valueOfKind('prekeys', to.value(PRE_KEYS_STREAM));
      invariant(preKeys !== undefined, 'a device has prekeys');
      const renamed = preKeys[kind].map((key) => ({ ...key, id: key.id + 50 }));
      to.values.set(PRE_KEYS_STREAM, { ...preKeys, [kind]: renamed });
      const { effects, changes } = to.take({ type: 'envelope', envelope: mail });
      const end = { state: 'resend-requested', reason: 'PREKEY_UNKNOWN' };
      expect(effects).toContainEqual(expect.objectContaining({ end }));
      expect(changes).toEqual([]);
    },
  );
});
