import fc from 'fast-check';
import { bytesToBase64url } from '@simsim/bytes';
import { LINK_BYTES_MAX, signDeviceApproval, signDeviceList } from '@simsim/relay-protocol';
import { describe, expect, it } from 'vitest';
import { crypto, deviceNumbered, entropyOf, nameOf, userNamed } from '../test/arbitraries.ts';
import {
  createLinkOffer,
  encodeLinkCode,
  openProvision,
  parseLinkCode,
  sealProvision,
} from './link.ts';
import type { Provision } from './link.ts';

const env = { crypto, entropy: entropyOf(1) };
const userId = userNamed('ada');
const [one, two] = [deviceNumbered(1), deviceNumbered(2)];

function provisionFor(registrationId: number, newKey: Uint8Array): Provision {
  const identity = crypto.keyPair(env.entropy(32));
  const deviceKey = crypto.signingKeyPair(env.entropy(32));
  const list = signDeviceList(
    {
      userId,
      version: 2,
      previous: env.entropy(32),
      identityKey: identity.publicKey.bytes,
      devices: [
        { deviceId: one, registrationId: 1, deviceKey: deviceKey.publicKey },
        { deviceId: two, registrationId, deviceKey: newKey },
      ],
      signer: one,
    },
    { deviceKey, identity, entropy64: env.entropy(64) },
    crypto,
  );
  const approval = signDeviceApproval(
    { userId, deviceId: two, registrationId, deviceKey: newKey, listVersion: 2, approver: one },
    deviceKey,
    crypto,
  );
  const contacts = [
    {
      userId: userNamed('bo'),
      keys: [{ key: env.entropy(32) }],
      listVersion: 3,
      listHash: env.entropy(32),
    },
  ];
  return { identity, approval, list, contacts, names: [] };
}

function linked() {
  const { keys, offer } = createLinkOffer(env);
  const provision = provisionFor(offer.registrationId, offer.deviceKey);
  const sealed = sealProvision(offer, provision, env);
  if (!sealed.ok) throw new Error('an honest offer is answered');
  return { keys, offer, provision, ciphertext: sealed.value };
}

describe('a link code', () => {
  it('reads back as it was shown', () => {
    for (let i = 0; i < 20; i++) {
      const { offer } = createLinkOffer(env);
      expect(parseLinkCode(encodeLinkCode(offer))).toEqual({ ok: true, value: offer });
    }
  });

  it('shows no private key', () => {
    const { keys, offer } = createLinkOffer(env);
    const code = encodeLinkCode(offer);
    for (const secret of [keys.ephemeral.privateKey, keys.deviceKey.privateKey]) {
      expect(code).not.toContain(bytesToBase64url(crypto.exportSecret(secret)).slice(0, 20));
    }
  });

  it('that is none is refused, never thrown at', () => {
    const { offer } = createLinkOffer(env);
    const code = encodeLinkCode(offer);
    const near = fc
      .record({ at: fc.nat(code.length - 1), char: fc.string({ minLength: 1, maxLength: 1 }) })
      .map(({ at, char }) => code.slice(0, at) + char + code.slice(at + 1));
    fc.assert(
      fc.property(fc.oneof(near, fc.string(), fc.base64String()), (text) => {
        const parsed = parseLinkCode(text);
        if (parsed.ok) expect(encodeLinkCode(parsed.value)).toBe(text);
        else expect(parsed.error).toEqual({ code: 'MALFORMED_LINK_CODE' });
      }),
    );
    for (const bad of ['', code.slice(0, -2), `${code}AA`, `B${code.slice(1)}`]) {
      expect(parseLinkCode(bad)).toEqual({ ok: false, error: { code: 'MALFORMED_LINK_CODE' } });
    }
  });
});

describe('a provision', () => {
  it('opens for the device that offered, and is what was sealed', () => {
    const { keys, offer, provision, ciphertext } = linked();
    const opened = openProvision({ keys, offer, ciphertext }, crypto);
    if (!opened.ok) throw new Error('an honest answer opens');
    const { identity, ...rest } = opened.value;
    const { identity: sealed, ...expected } = provision;
    expect(rest).toEqual(expected);
    if (identity === undefined || sealed === undefined) throw new Error('the pair is shared');
    expect(identity.publicKey.bytes).toEqual(sealed.publicKey.bytes);
    expect(crypto.exportSecret(identity.privateKey)).toEqual(
      crypto.exportSecret(sealed.privateKey),
    );
  });

  it('brings the names of devices', () => {
    const { keys, offer } = createLinkOffer(env);
    const plain = provisionFor(offer.registrationId, offer.deviceKey);
    const naming = { deviceKey: env.entropy(32), name: nameOf('desk'), counter: 9, by: one };
    for (const names of [[], [naming]]) {
      const sealed = sealProvision(offer, { ...plain, names }, env);
      if (!sealed.ok) throw new Error('an honest offer is answered');
      const opened = openProvision({ keys, offer, ciphertext: sealed.value }, crypto);
      if (!opened.ok) throw new Error('an honest answer opens');
      expect(opened.value.names).toEqual(names);
    }
  });

  it('of more contacts than the relay takes brings the first of them', () => {
    const { keys, offer } = createLinkOffer(env);
    const plain = provisionFor(offer.registrationId, offer.deviceKey);
    const [known] = plain.contacts;
    if (known === undefined) throw new Error('a contact is known');
    const contacts = Array.from({ length: 8000 }, (_, i) => ({
      ...known,
      userId: userNamed(`contact ${i}`),
    }));
    const sealed = sealProvision(offer, { ...plain, contacts }, env);
    if (!sealed.ok) throw new Error('an honest offer is answered');
    expect(sealed.value.length).toBeLessThanOrEqual(LINK_BYTES_MAX);
    const opened = openProvision({ keys, offer, ciphertext: sealed.value }, crypto);
    if (!opened.ok) throw new Error('an honest answer opens');
    const { length } = opened.value.contacts;
    expect(length).toBeGreaterThan(4000);
    expect(opened.value.contacts).toEqual(contacts.slice(0, length));
  });

  it('opens for nobody else, and under no other offer', () => {
    const { keys, offer, ciphertext } = linked();
    const other = createLinkOffer(env);
    const refused = { ok: false, error: { code: 'LINK_NOT_FOR_US' } };
    expect(openProvision({ keys: other.keys, offer: other.offer, ciphertext }, crypto)).toEqual(
      refused,
    );
    expect(openProvision({ keys: other.keys, offer, ciphertext }, crypto)).toEqual(refused);
    for (const swapped of [
      { ...offer, deviceKey: other.offer.deviceKey },
      { ...offer, address: other.offer.address },
      { ...offer, registrationId: offer.registrationId ^ 1 },
    ]) {
      expect(openProvision({ keys, offer: swapped, ciphertext }, crypto)).toEqual(refused);
    }
  });

  it('with any bit changed, cut or extended is refused', () => {
    const { keys, offer, ciphertext } = linked();
    const refused = { ok: false, error: { code: 'LINK_NOT_FOR_US' } };
    const open = (bytes: Uint8Array): unknown =>
      openProvision({ keys, offer, ciphertext: bytes }, crypto);
    fc.assert(
      fc.property(fc.nat(ciphertext.length - 1), fc.nat(7), (at, bit) => {
        const flipped = ciphertext.with(at, (ciphertext[at] ?? 0) ^ (1 << bit));
        expect(open(flipped)).toEqual(refused);
        expect(open(ciphertext.slice(0, at))).toEqual(refused);
        expect(open(Uint8Array.of(...ciphertext, at & 0xff))).toEqual(refused);
      }),
    );
    for (const length of [0, 1, 31, 32, 33, 47, 48]) {
      expect(open(new Uint8Array(length))).toEqual(refused);
    }
  });

  it('under a low-order key is refused', () => {
    const { keys, offer, ciphertext } = linked();
    const low = Uint8Array.of(...new Uint8Array(32), ...ciphertext.subarray(32));
    expect(openProvision({ keys, offer, ciphertext: low }, crypto).ok).toBe(false);
    const bad = { ...offer, ephemeral: new Uint8Array(32) };
    const provision = provisionFor(offer.registrationId, offer.deviceKey);
    expect(sealProvision(bad, provision, env)).toEqual({
      ok: false,
      error: { code: 'MALFORMED_LINK_CODE' },
    });
  });
});
