/** Ours: `@simsim/session` as somebody without our engine would use it. */

import type { Result } from '@simsim/bytes';
import { err, ok } from '@simsim/bytes';
import type { Crypto, Entropy, KeyPair, Secret } from '@simsim/crypto';
import { signPreKey, signalX3dh } from '@simsim/key-agreement';
import type { ParsedMessage, Session, SessionOptions, SessionSteps } from '@simsim/session';
import { makeSessionSteps, parseMessage, sessionId, sessionIdOf } from '@simsim/session';
import type { Bundle, Device, Letter, Peer, PublishOptions, Refusal } from './peer.ts';

/** Our own implementation, on a backend, perhaps with a planted defect. */
export function ourPeer(crypto: Crypto, options: SessionOptions = {}): Peer {
  const steps = makeSessionSteps(options);
  return {
    name: 'ours',
    createDevice: (entropy) => Promise.resolve(createDevice({ crypto, entropy, steps })),
  };
}

interface DeviceEnv {
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  readonly steps: SessionSteps;
}

/** What a device holds. The first session is the active one: the one that was used last. */
interface Held {
  readonly env: DeviceEnv;
  readonly identity: KeyPair;
  readonly registrationId: number;
  readonly signedPreKeys: Map<number, KeyPair>;
  readonly oneTimePreKeys: Map<number, KeyPair>;
  sessions: readonly Session[];
}

function createDevice(env: DeviceEnv): Device {
  const [low = 0, high = 0] = env.entropy(2);
  const held: Held = {
    env,
    identity: env.crypto.keyPair(env.entropy(32)),
    registrationId: (low | (high << 8)) & 0x3fff,
    signedPreKeys: new Map(),
    oneTimePreKeys: new Map(),
    sessions: [],
  };
  return {
    publish: (what) => Promise.resolve(ok(publish(held, what))),
    initiate: (bundle) => Promise.resolve(initiate(held, bundle)),
    encrypt: (plaintext) => Promise.resolve(encrypt(held, plaintext)),
    decrypt: (letter) => Promise.resolve(decrypt(held, letter)),
  };
}

function publish(held: Held, { withOneTimePreKey }: PublishOptions): Bundle {
  const { env, identity, registrationId } = held;
  const makePair = (pairs: Map<number, KeyPair>): { id: number; pair: KeyPair } => {
    const [a = 0, b = 0, c = 0] = env.entropy(3);
    const id = 1 + (a | (b << 8) | (c << 16));
    const pair = env.crypto.keyPair(env.entropy(32));
    pairs.set(id, pair);
    return { id, pair };
  };
  const { id, pair } = makePair(held.signedPreKeys);
  const signature = signPreKey(pair.publicKey, identity, { suite: signalX3dh, ...env });
  const signedPreKey = { id, publicKey: pair.publicKey.bytes, signature };
  const bundle = { identityKey: identity.publicKey.bytes, registrationId, signedPreKey };
  if (!withOneTimePreKey) return bundle;
  const oneTime = makePair(held.oneTimePreKeys);
  return { ...bundle, oneTimePreKey: { id: oneTime.id, publicKey: oneTime.pair.publicKey.bytes } };
}

function initiate(held: Held, bundle: Bundle): Result<undefined, Refusal> {
  const { env, identity, registrationId } = held;
  const begun = env.steps.initiate({ bundle, identity, registrationId }, env);
  if (!begun.ok) return begun;
  activate(held, begun.value.session, begun.value.consumed);
  return ok(undefined);
}

function encrypt(held: Held, plaintext: Uint8Array): Result<Letter, Refusal> {
  const [active] = held.sessions;
  if (active === undefined) return err({ code: 'NO_SESSION' });
  const sent = held.env.steps.encrypt(active, plaintext, held.env);
  if (!sent.ok) return sent;
  const { session, consumed, message, isInitiation } = sent.value;
  activate(held, session, consumed);
  return ok({ bytes: message, isInitiation });
}

function decrypt(held: Held, { bytes }: Letter): Result<Uint8Array, Refusal> {
  const parsed = parseMessage(bytes);
  if (!parsed.ok) return parsed;
  const message = parsed.value;
  const { env } = held;
  const codes: string[] = [];
  for (const session of candidates(held, message)) {
    const opened = env.steps.decrypt(session, message, env);
    if (opened.ok) {
      activate(held, opened.value.session, opened.value.consumed);
      return ok(opened.value.plaintext);
    }
    codes.push(opened.error.code);
  }
  if (codes.length > 0 || message.kind === 'regular') {
    return err({ code: codes.join(' and ') || 'NO_SESSION' });
  }
  return accept(held, message);
}

/** An initiation says which session it belongs to; for anything else every session is tried. */
function candidates({ sessions, env }: Held, message: ParsedMessage): readonly Session[] {
  if (message.kind === 'regular') return sessions;
  const id = sessionIdOf(message.baseKey, env.crypto);
  return sessions.filter((session) => sessionId(session) === id);
}

function accept(
  held: Held,
  message: Extract<ParsedMessage, { readonly kind: 'initiation' }>,
): Result<Uint8Array, Refusal> {
  const { env, identity, registrationId } = held;
  const signedPreKey = held.signedPreKeys.get(message.signedPreKeyId);
  if (signedPreKey === undefined) return err({ code: 'NO_SIGNED_PREKEY' });
  // Some peers write "prekey 0" where there is none, and no bundle of ours has a prekey 0.
  const { oneTimePreKeyId = 0, ...rest } = message;
  const oneTimePreKey = held.oneTimePreKeys.get(oneTimePreKeyId);
  const named = oneTimePreKeyId === 0 ? rest : message;
  const keys = { identity, signedPreKey, ...(oneTimePreKey && { oneTimePreKey }) };
  const accepted = env.steps.accept({ message: named, registrationId, ...keys }, env);
  if (!accepted.ok) return accepted;
  held.oneTimePreKeys.delete(oneTimePreKeyId);
  activate(held, accepted.value.session, accepted.value.consumed);
  return ok(accepted.value.plaintext);
}

/** Sesame's rule: the session that did something last is the one to send on. Then wipes. */
function activate(held: Held, session: Session, consumed: readonly Secret[]): void {
  const id = sessionId(session);
  held.sessions = [session, ...held.sessions.filter((other) => sessionId(other) !== id)];
  for (const secret of consumed) held.env.crypto.wipe(secret);
}
