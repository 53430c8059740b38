import { describe, expect, it } from 'vitest';
import { deviceNumbered, userNamed } from '../test/arbitraries.ts';
import { MemorySlice } from '../test/memory-slice.ts';
import { sendingSession } from './peer-session.ts';
import { DEFAULT_EXPIRY } from './session-expiry.ts';
import { emptyUserRecord } from './user-record.ts';
import { Workspace } from './workspace.ts';

describe('a session', () => {
  it('sends until it is as old as MAXSEND, and from that moment on no more (SES-83)', () => {
    const [bo, deviceId, session] = [userNamed('bo'), deviceNumbered(7), '12'.repeat(16)];
    const slice = new MemorySlice();
    slice.take({ type: 'create', userId: userNamed('ada'), oneTimeKeys: 1 });
    const began = new Map([[session, slice.env.clock.wallMs]]);
    const entry = { deviceId, registrationId: 1, deviceKey: new Uint8Array(32), inactive: [] };
    const devices = new Map([[deviceId, { ...entry, active: session, began }]]);
    const record = { ...emptyUserRecord(bo), devices };
    const sendsAt = (ageMs: number): boolean => {
      const clock = { ...slice.env.clock, elapsedMs: slice.env.clock.elapsedMs + ageMs };
      const work = new Workspace(slice, { ...slice.env, clock });
      return sendingSession(work, record, deviceId) !== undefined;
    };
    const { sendMs } = DEFAULT_EXPIRY;
    expect([sendMs - 1, sendMs].map(sendsAt)).toEqual([true, false]);
  });
});
