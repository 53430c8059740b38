/** Two parties, their keys from seeds, and the few calls every test repeats. */

import type { Result } from '@simsim/bytes';
import { concatBytes } from '@simsim/bytes';
import type { Crypto, KemKeyPair, KeyPair, Part } from '@simsim/crypto';
import { seededEntropy } from '@simsim/crypto';
import { nobleCrypto } from '@simsim/crypto/noble';
import { nodeCrypto } from '@simsim/crypto/node';
import { signKemPreKey, signPreKey, signalPqxdh, signalX3dh } from '@simsim/key-agreement';
import type {
  AcceptInput,
  InitiationMessage,
  ParsedMessage,
  PreKeyBundle,
  Session,
  SessionEnv,
  SessionOptions,
  SessionSteps,
  WireVersion,
} from '../src/index.ts';
import {
  encodeBlock,
  encodeCold,
  encodeHot,
  makeSessionSteps,
  parseMessage,
} from '../src/index.ts';

export const backends: readonly (readonly [string, Crypto])[] = [
  ['noble', nobleCrypto],
  ['node', nodeCrypto],
];

/** The success of a step that must succeed. */
export function must<T>(result: Result<T, { readonly code: string }>): T {
  if (!result.ok) throw new Error(`refused: ${result.error.code}`);
  return result.value;
}

/** The code of a step that must be refused. */
export function refusal(result: Result<unknown, { readonly code: string }>): string {
  if (result.ok) throw new Error('not refused');
  return result.error.code;
}

export function parse(bytes: Uint8Array): ParsedMessage {
  return must(parseMessage(bytes));
}

/** One device's keys. */
export interface Party {
  readonly env: SessionEnv;
  readonly identity: KeyPair;
  readonly signedPreKey: KeyPair;
  readonly oneTimePreKey: KeyPair;
  readonly registrationId: number;
  /** A last-resort KEM prekey, made when first asked for. */
  readonly kem: () => KemKeyPair;
}

/** Making a KEM pair takes as long as a whole session: each seed has one for all tests. */
const kemPairs = new Map<string, KemKeyPair>();

function kemPairOf(crypto: Crypto, seed: number): KemKeyPair {
  const name = `${crypto === nobleCrypto} ${crypto === nodeCrypto} ${seed}`;
  const isShared = crypto === nobleCrypto || crypto === nodeCrypto;
  const made = isShared ? kemPairs.get(name) : undefined;
  const entropy = Uint8Array.from({ length: 64 }, (_, i) => (seed * 7 + i) & 0xff);
  const pair = made ?? crypto.kemKeyPair('kyber1024', entropy);
  kemPairs.set(name, pair);
  return pair;
}

export function makeParty(crypto: Crypto, seed: number): Party {
  const entropy = seededEntropy(Uint8Array.of(seed, seed >> 8), crypto);
  return {
    env: { crypto, entropy },
    identity: crypto.keyPair(entropy(32)),
    signedPreKey: crypto.keyPair(entropy(32)),
    oneTimePreKey: crypto.keyPair(entropy(32)),
    registrationId: seed,
    kem: () => kemPairOf(crypto, seed),
  };
}

/** Of every party's KEM prekey. */
const KEM_PRE_KEY_ID = 11;

interface BundleChoice {
  readonly withOneTimeKey?: boolean;
  readonly version?: WireVersion;
}

export function bundleOf(
  party: Party,
  { withOneTimeKey = true, version = 3 }: BundleChoice = {},
): PreKeyBundle {
  const { identity, signedPreKey, oneTimePreKey, registrationId, env } = party;
  const signature = signPreKey(signedPreKey.publicKey, identity, { suite: signalX3dh, ...env });
  return {
    identityKey: identity.publicKey.bytes,
    registrationId,
    signedPreKey: { id: 7, publicKey: signedPreKey.publicKey.bytes, signature },
    ...(withOneTimeKey
      ? { oneTimePreKey: { id: 9, publicKey: oneTimePreKey.publicKey.bytes } }
      : {}),
    ...(version === 4 ? { kemPreKey: kemBundleOf(party) } : {}),
  };
}

function kemBundleOf({ identity, env, kem }: Party): NonNullable<PreKeyBundle['kemPreKey']> {
  const { publicKey } = kem();
  const signature = signKemPreKey(publicKey, identity, { suite: signalPqxdh, ...env });
  return { id: KEM_PRE_KEY_ID, publicKey, signature };
}

/** What `accept` is given for a message: the prekeys it names. */
export function acceptInputOf(
  party: Party,
  message: InitiationMessage,
  use: 'oneTime' | 'lastResort' = 'lastResort',
): AcceptInput {
  const { identity, signedPreKey, oneTimePreKey, registrationId } = party;
  return {
    message,
    identity,
    signedPreKey,
    registrationId,
    ...(message.oneTimePreKeyId === undefined ? {} : { oneTimePreKey }),
    ...(message.kem === undefined ? {} : { kemPreKey: { pair: party.kem(), use } }),
  };
}

export function initiationOf(bytes: Uint8Array): InitiationMessage {
  const parsed = parse(bytes);
  if (parsed.kind !== 'initiation') throw new Error('a new session initiates');
  return parsed;
}

/** One end of a conversation: a session that moves with every call that succeeds. */
export interface End {
  party: Party;
  session: Session;
}

export interface TalkOptions extends SessionOptions {
  readonly seed?: number;
  /** What Bob's bundle offers; 3 if absent. */
  readonly version?: WireVersion;
  readonly withOneTimeKey?: boolean;
}

export class Conversation {
  readonly steps: SessionSteps;
  readonly alice: End;
  #bob: End | undefined;
  readonly #bobParty: Party;

  constructor(crypto: Crypto, options: TalkOptions = {}) {
    this.steps = makeSessionSteps(options);
    const seed = options.seed ?? 1;
    const party = makeParty(crypto, 2 * seed);
    this.#bobParty = makeParty(crypto, 2 * seed + 1);
    const { session } = must(
      this.steps.initiate({ ...party, bundle: bundleOf(this.#bobParty, options) }, party.env),
    );
    this.alice = { party, session };
  }

  /** Bob's end; begins with the first message of Alice that reaches him. */
  get bob(): End {
    if (this.#bob === undefined) throw new Error('Bob has received nothing yet');
    return this.#bob;
  }

  send(from: End, plaintext: Uint8Array): Uint8Array {
    const sent = must(this.steps.encrypt(from.session, plaintext, from.party.env));
    from.session = sent.session;
    return sent.message;
  }

  /** Delivers to Bob, accepting where he has no session yet. */
  toBob(bytes: Uint8Array): Uint8Array {
    if (this.#bob !== undefined) return this.deliver(this.#bob, bytes);
    const party = this.#bobParty;
    const input = acceptInputOf(party, initiationOf(bytes));
    const accepted = must(this.steps.accept(input, party.env));
    this.#bob = { party, session: accepted.session };
    return accepted.plaintext;
  }

  deliver(to: End, bytes: Uint8Array): Uint8Array {
    const received = must(this.steps.decrypt(to.session, parse(bytes), to.party.env));
    to.session = received.session;
    return received.plaintext;
  }

  tryDeliver(to: End, bytes: Uint8Array): ReturnType<SessionSteps['decrypt']> {
    const received = this.steps.decrypt(to.session, parse(bytes), to.party.env);
    if (received.ok) to.session = received.value.session;
    return received;
  }
}

/** The bytes a store would seal. */
export function joinState(parts: readonly Part[], crypto: Crypto): Uint8Array {
  return concatBytes(
    parts.map((part) => (part instanceof Uint8Array ? part : crypto.exportSecret(part))),
  );
}

/** Everything of a session as bytes, to compare two of them. */
export function fingerprint({ hot, cold, blocks }: Session, crypto: Crypto): Uint8Array {
  const ordered = [...blocks.values()].toSorted((a, b) => a.id - b.id);
  return concatBytes([
    joinState(encodeHot(hot), crypto),
    joinState(encodeCold(cold), crypto),
    ...ordered.map((block) => joinState(encodeBlock(block), crypto)),
  ]);
}

export const bytesOf = (text: string): Uint8Array =>
  Uint8Array.from(text, (character) => character.charCodeAt(0));
