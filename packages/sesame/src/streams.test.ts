import { bytesToHex } from '@simsim/bytes';
import { parseUserId } from '@simsim/relay-protocol';
import type { UserId } from '@simsim/relay-protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytes, deviceNumbered, userNamed } from '../test/arbitraries.ts';
import { chainsStream, isStreamOf, sessionStream, skipStream, userStream } from './streams.ts';
import type { SessionAddress, StreamId } from './streams.ts';

const streamsOf = (at: SessionAddress): readonly StreamId[] => [
  userStream(at.userId),
  sessionStream(at),
  chainsStream(at),
  skipStream(at, 7),
];

const deviceId = fc.integer({ min: 1, max: 127 }).map(deviceNumbered);
const session = bytes(16).map(bytesToHex);
const name = fc.string({ minLength: 1, maxLength: 12 }).filter((text) => parseUserId(text).ok);

/** Two users, the one's id the beginning of the other's, also where that goes on like a stream's name. */
const users: fc.Arbitrary<readonly [UserId, UserId]> = fc
  .tuple(name, fc.constantFrom('.', '/', '.1/', '.1', ''), fc.oneof(name, session))
  .map(([short, joint, rest]) => [userNamed(short), userNamed(`${short}${joint}${rest}`)]);

describe('the streams of a user', () => {
  it('are the ones that are named after it', () => {
    fc.assert(
      fc.property(users, deviceId, session, ([, userId], device, id) => {
        const streams = streamsOf({ userId, deviceId: device, session: id });
        expect(streams.filter(isStreamOf(userId))).toEqual(streams);
      }),
    );
  });

  it('are none of a user whose id begins with the same letters (SES-4)', () => {
    fc.assert(
      fc.property(users, deviceId, session, ([short, long], device, id) => {
        const at = { deviceId: device, session: id };
        expect(streamsOf({ ...at, userId: long }).filter(isStreamOf(short))).toEqual([]);
        expect(streamsOf({ ...at, userId: short }).filter(isStreamOf(long))).toEqual([]);
      }),
    );
  });
});
