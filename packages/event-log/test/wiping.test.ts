import type { Crypto, Role, Secret } from '@simsim/crypto';
import { nodeCrypto } from '@simsim/crypto/node';
import { describe, expect, test } from 'vitest';
import { commit, id16, newWorld, reopen, text, unwrap } from './world.ts';

/** The node backend, keeping count of the handles that were made and not wiped. */
function counting(): { readonly crypto: Crypto; readonly alive: (...roles: Role[]) => number } {
  const roleByHandle = new Map<Secret, Role>();
  const made = <S extends Secret>(handle: S, role: Role): S => {
    roleByHandle.set(handle, role);
    return handle;
  };
  const crypto: Crypto = {
    ...nodeCrypto,
    sealStep(key) {
      const [next, seal] = nodeCrypto.sealStep(key);
      return [made(next, 'stream'), made(seal, 'seal')];
    },
    importSecret: (role, bytes) => made(nodeCrypto.importSecret(role, bytes), role),
    wipe(handle) {
      roleByHandle.delete(handle);
      nodeCrypto.wipe(handle);
    },
  };
  const alive = (...roles: Role[]): number =>
    [...roleByHandle.values()].filter((role) => roles.includes(role)).length;
  return { crypto, alive };
}

const event = { type: 1, schema: 1, facts: text('x') };

describe('wiping', () => {
  test('one ratchet key lives for each live stream, one seal key for the open inbox epoch', () => {
    const { crypto, alive } = counting();
    const world = newWorld({ crypto });
    const { log } = world;
    expect([alive('stream'), alive('seal')]).toEqual([0, 1]);
    for (let round = 0; round < 4; round++) {
      commit(world, {
        events: ['a', 'b', 'a', 'c'].map((stream) => ({ ...event, stream, sealed: [text('s')] })),
        inboxPut: [{ id: id16(round), body: text('mail') }],
      });
      expect([alive('stream'), alive('seal')]).toEqual([3, 2]);
    }
    log.inbox();
    log.sealedValue('a');
    expect([alive('stream'), alive('seal')]).toEqual([3, 2]);
    commit(world, { events: [{ ...event, stream: 'b', closes: true }] });
    expect([alive('stream'), alive('seal')]).toEqual([2, 2]);
    log.flush();
    expect([alive('stream'), alive('seal')]).toEqual([2, 1]);
    world.gate.isMoved = true;
    const batch = { at: 1, events: [{ ...event, stream: 'd', sealed: [text('s')] }] };
    log.commit({ ...batch, inboxPut: [{ id: id16(50), body: text('m') }] });
    world.gate.isMoved = false;
    expect([alive('stream'), alive('seal')]).toEqual([0, 1]);
    log.close();
    expect(alive('stream', 'seal', 'name')).toBe(0);
  });

  test('healing a lag leaves no key behind', () => {
    const { crypto, alive } = counting();
    const world = newWorld({ crypto });
    for (let round = 0; round < 5; round++) {
      commit(world, { events: [{ ...event, stream: 'a', sealed: [text('s')] }] });
    }
    const before = alive('stream');
    const again = unwrap(reopen(world));
    expect(alive('stream')).toBe(before);
    again.log.close();
    expect(alive('stream')).toBe(before);
  });
});
