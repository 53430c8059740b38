/** Peers that lie, once, in one conversation. The driver must notice every one of them. */

import { err, ok } from '@simsim/bytes';
import type { Device, Letter, Peer } from '../src/peer.ts';

export const LIES = [
  'alters a plaintext',
  'answers an empty plaintext',
  'swallows a message',
  'takes what was repeated or damaged',
  'sends a message twice',
  'sends in the clear',
  'speaks another version',
  'denies that a message initiates',
  'leaves the one-time prekey out',
  'publishes no one-time prekey',
  'signs another prekey',
] as const;

export type Lie = (typeof LIES)[number];

/** The peer, lying in the conversation of that number. */
export function sabotage(peer: Peer, lie: Lie, session: number): Peer {
  let made = 0;
  return {
    name: `${peer.name}, which ${lie}`,
    createDevice: async (entropy, parties) => {
      const device = await peer.createDevice(entropy, parties);
      return made++ === session ? liar(device, lie) : device;
    },
  };
}

/** How much of a kind a device has done honestly before it lies. */
const HONEST = 7;

function liar(device: Device, lie: Lie): Device {
  const opened: Uint8Array[] = [];
  const sent: Letter[] = [];
  return {
    publish: async (what) => {
      const bundle = await device.publish(what);
      if (!bundle.ok) return bundle;
      const { oneTimePreKey: _, ...without } = bundle.value;
      if (lie === 'publishes no one-time prekey') return ok(without);
      if (lie !== 'signs another prekey') return bundle;
      const signature = flip(bundle.value.signedPreKey.signature);
      return ok({ ...bundle.value, signedPreKey: { ...bundle.value.signedPreKey, signature } });
    },
    initiate: (bundle) => {
      const { oneTimePreKey: _, ...without } = bundle;
      return device.initiate(lie === 'leaves the one-time prekey out' ? without : bundle);
    },
    encrypt: async (plaintext) => {
      const letter = await device.encrypt(plaintext);
      if (!letter.ok) return letter;
      sent.push(letter.value);
      const told =
        sent.length === HONEST ? sendLie(letter.value, { lie, plaintext, sent }) : undefined;
      const isFirst = sent.length === 1 && lie === 'denies that a message initiates';
      return ok(told ?? (isFirst ? { ...letter.value, isInitiation: false } : letter.value));
    },
    decrypt: async (letter) => {
      const result = await device.decrypt(letter);
      if (!result.ok) {
        const known = opened.at(-1) ?? new Uint8Array(1);
        return lie === 'takes what was repeated or damaged' ? ok(known) : result;
      }
      opened.push(result.value);
      if (opened.length !== HONEST) return result;
      if (lie === 'alters a plaintext') return ok(flip(result.value));
      if (lie === 'answers an empty plaintext') return ok(new Uint8Array(0));
      return lie === 'swallows a message' ? err({ code: 'SWALLOWED' }) : result;
    },
  };
}

function sendLie(
  letter: Letter,
  { lie, plaintext, sent }: { lie: Lie; plaintext: Uint8Array; sent: readonly Letter[] },
): Letter | undefined {
  if (lie === 'sends a message twice') return sent.at(-2);
  if (lie === 'sends in the clear') return { ...letter, bytes: plaintext };
  if (lie !== 'speaks another version') return undefined;
  const bytes = letter.bytes.slice();
  bytes[0] = 0x23;
  return { ...letter, bytes };
}

function flip(bytes: Uint8Array): Uint8Array {
  const flipped = bytes.length === 0 ? new Uint8Array(1) : bytes.slice();
  flipped[0] = (flipped[0] ?? 0) ^ 1;
  return flipped;
}
