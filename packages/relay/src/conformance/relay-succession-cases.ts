/** A list under another identity key: what the devices that stay get of it, and nobody else. */

import { check, same } from '@simsim/bytes/conformance';
import type { TestDevice, TestUser } from './people.ts';
import type { RelayBed } from './relay-bed.ts';
import { onRelay } from './relay-bed.ts';
import type { BareRelayCase, RelayHooks } from './relay-hooks.ts';

/** Ali with three devices, one of them in the hands of somebody else. */
interface Theft {
  readonly ali: TestUser;
  readonly phone: TestDevice;
  readonly tablet: TestDevice;
  readonly stolen: TestDevice;
}

async function theft(bed: RelayBed): Promise<Theft> {
  const { user: ali, device: phone } = await bed.user('ali');
  const tablet = await bed.join(ali, 2, phone);
  const stolen = await bed.join(ali, 3, phone);
  return { ali, phone, tablet, stolen };
}

/** The cases. */
export const SUCCESSION_CASES: readonly BareRelayCase<RelayHooks>[] = [
  onRelay('whoever stays gets what the next identity key has for it', async (bed) => {
    const { ali, phone, tablet, stolen } = await theft(bed);
    const before = ali.list;
    const made = ali.succeed(3, phone);
    const { heirs = [] } = made.request;
    for (const wrong of [[], heirs.slice(1)]) {
      await bed.refused('BAD_LIST', { ...made.request, heirs: wrong }, phone);
    }
    const plain = ali.removeDevice(3, phone);
    await bed.refused('BAD_LIST', { ...plain, heirs }, phone);
    await bed.ask(made.request, phone);
    await bed.ask(made.request, phone);
    ali.adopt(made);
    const caller = await bed.user('caller');
    for (const device of [phone, tablet]) {
      const heir = heirs.find(({ deviceId }) => deviceId === device.deviceId);
      check(heir !== undefined, 'an heir for each device that stays');
      const { lists, sealed } = await bed.ask(ali.askSuccession(device, 3));
      same(lists, [before, ali.list], 'the lists from the one before on');
      same(sealed, heir.sealed, 'what is sealed for the device');
      const { signedPreKey, lastResortKemPreKey } = device.keys;
      const bundle = await bed.bundle(caller, device);
      const expected = {
        deviceId: device.deviceId,
        registrationId: device.entry.registrationId,
        identityKey: made.identity.publicKey.bytes,
        signedPreKey: { ...signedPreKey, signature: heir.signedPreKey.signature },
        kemPreKey: { ...lastResortKemPreKey, signature: heir.lastResort?.signature },
      };
      same(bundle, expected, 'the bundle, signed again and without one-time prekeys');
    }
    await bed.refused('FORBIDDEN', ali.askSuccession(stolen, 3));
  }),
  onRelay('prekeys that the former identity key signed are refused by name', async (bed) => {
    const { ali, phone, tablet } = await theft(bed);
    const former = ali.identity.publicKey.bytes;
    const devices = [phone.deviceId, tablet.deviceId];
    const found = await bed.ask({ kind: 'getSignedKeys', devices }, phone);
    const expected = [phone, tablet].map(({ deviceId, keys }) => ({
      deviceId,
      signedPreKey: keys.signedPreKey,
      lastResort: keys.lastResortKemPreKey,
    }));
    same(found.devices, expected, 'the prekeys that are to be signed again');
    const made = ali.succeed(3, phone);
    await bed.ask(made.request, phone);
    ali.adopt(made);
    const request = { kind: 'uploadKeys', keys: ali.makeKeys(40, 2) } as const;
    await bed.refused('IDENTITY_CHANGED', { ...request, identityKey: former }, tablet);
    const identityKey = made.identity.publicKey.bytes;
    const answer = await bed.ask({ ...request, identityKey }, tablet);
    same([answer.isSignedPreKeyTaken, answer.count], [true, 2], 'what becomes of the others');
  }),
];
