/** Ours: `@simsim/session` as somebody without our engine would use it. */

import type { Result } from '@simsim/bytes';
import { err, ok } from '@simsim/bytes';
import type { Crypto, KeyPair, Secret } from '@simsim/crypto';
import { signKemPreKey, signPreKey, signalPqxdh, signalX3dh } from '@simsim/key-agreement';
import type {
  OwnKemPreKey,
  ParsedMessage,
  ReplayRecord,
  Session,
  SessionEnv,
  SessionOptions,
  SessionSteps,
  WireVersion,
} from '@simsim/session';
import {
  emptyReplayRecord,
  makeSessionSteps,
  parseMessage,
  sessionId,
  sessionIdOf,
} from '@simsim/session';
import type { Bundle, Device, Letter, Peer, PublishOptions, Refusal, SignedKey } from './peer.ts';
import { NAMELESS } from './peer.ts';
import type { SavedSessions } from './saved-sessions.ts';
import { createSavedSessions } from './saved-sessions.ts';
import { addressesOf } from './service-id.ts';

/** How our devices are made: with which policy or planted defect, and where sessions are kept. */
export interface OurOptions extends SessionOptions {
  /** Whether every session is turned into bytes and back between any two steps. */
  readonly savesSessions?: boolean;
}

/** Our own implementation, on a backend. */
export function ourPeer(
  crypto: Crypto,
  { savesSessions = false, ...options }: OurOptions = {},
): Peer {
  const steps = makeSessionSteps(options);
  return {
    name: 'ours',
    createDevice: (entropy, parties = NAMELESS) => {
      const addresses = addressesOf(parties);
      const saved = savesSessions ? createSavedSessions(crypto) : undefined;
      const env = { crypto, entropy, steps, saved, ...(addresses && { addresses }) };
      return Promise.resolve(createDevice(env));
    },
  };
}

interface DeviceEnv extends SessionEnv {
  readonly steps: SessionSteps;
  /** Absent where sessions stay in memory. */
  readonly saved: SavedSessions | undefined;
}

/** What a device holds. The first session is the active one: the one that was used last. */
interface Held {
  readonly env: DeviceEnv;
  readonly identity: KeyPair;
  readonly registrationId: number;
  readonly signedPreKeys: Map<number, KeyPair>;
  readonly oneTimePreKeys: Map<number, KeyPair>;
  readonly kemPreKeys: Map<number, OwnKemPreKey>;
  /** The version that our last bundle offers. */
  offeredVersion: WireVersion;
  replays: ReplayRecord;
  sessions: readonly Session[];
}

function createDevice(env: DeviceEnv): Device {
  const held: Held = {
    env,
    identity: env.crypto.keyPair(env.entropy(32)),
    registrationId: drawId(env) & 0x3fff,
    signedPreKeys: new Map(),
    oneTimePreKeys: new Map(),
    kemPreKeys: new Map(),
    offeredVersion: 3,
    replays: emptyReplayRecord(),
    sessions: [],
  };
  return {
    publish: (what) => Promise.resolve(ok(publish(held, what))),
    initiate: (bundle) => Promise.resolve(initiate(held, bundle)),
    encrypt: (plaintext) => Promise.resolve(encrypt(held, plaintext)),
    decrypt: (letter) => Promise.resolve(decrypt(held, letter)),
  };
}

/** A bundle has a one-time prekey of each kind, or of neither: then the KEM prekey is a last resort. */
function publish(held: Held, { version, withOneTimePreKey }: PublishOptions): Bundle {
  const { env, identity, registrationId } = held;
  held.offeredVersion = version;
  const { id, pair } = keep(held.signedPreKeys, env.crypto.keyPair(env.entropy(32)), env);
  const signature = signPreKey(pair.publicKey, identity, { suite: signalX3dh, ...env });
  const bundle = {
    identityKey: identity.publicKey.bytes,
    registrationId,
    signedPreKey: { id, publicKey: pair.publicKey.bytes, signature },
    ...(version === 4 && {
      kemPreKey: publishKemKey(held, withOneTimePreKey ? 'oneTime' : 'lastResort'),
    }),
  };
  if (!withOneTimePreKey) return bundle;
  const oneTime = keep(held.oneTimePreKeys, env.crypto.keyPair(env.entropy(32)), env);
  return { ...bundle, oneTimePreKey: { id: oneTime.id, publicKey: oneTime.pair.publicKey.bytes } };
}

function publishKemKey({ env, identity, kemPreKeys }: Held, use: OwnKemPreKey['use']): SignedKey {
  const pair = env.crypto.kemKeyPair('kyber1024', env.entropy(64));
  const { id } = keep(kemPreKeys, { pair, use }, env);
  const signature = signKemPreKey(pair.publicKey, identity, { suite: signalPqxdh, ...env });
  return { id, publicKey: pair.publicKey, signature };
}

function keep<T>(kept: Map<number, T>, pair: T, env: DeviceEnv): { id: number; pair: T } {
  const id = drawId(env);
  kept.set(id, pair);
  return { id, pair };
}

/** 24 bits, and never 0. */
function drawId({ entropy }: DeviceEnv): number {
  const [a = 0, b = 0, c = 0] = entropy(3);
  return 1 + (a | (b << 8) | (c << 16));
}

function initiate(held: Held, bundle: Bundle): Result<undefined, Refusal> {
  const { env, identity, registrationId } = held;
  const begun = env.steps.initiate({ bundle, identity, registrationId }, env);
  if (!begun.ok) return begun;
  activate(held, undefined, begun.value);
  return ok(undefined);
}

function encrypt(held: Held, plaintext: Uint8Array): Result<Letter, Refusal> {
  const [active] = held.sessions;
  if (active === undefined) return err({ code: 'NO_SESSION' });
  const sent = held.env.steps.encrypt(active, plaintext, held.env);
  if (!sent.ok) return sent;
  const { message, isInitiation } = sent.value;
  activate(held, active, sent.value);
  return ok({ bytes: message, isInitiation });
}

function decrypt(held: Held, { bytes }: Letter): Result<Uint8Array, Refusal> {
  const parsed = parseMessage(bytes);
  if (!parsed.ok) return parsed;
  const message = parsed.value;
  const { env } = held;
  const codes: string[] = [];
  for (const kept of candidates(held, message)) {
    const session = env.saved?.load(kept, env.steps.blocksFor(kept, message)) ?? kept;
    const opened = env.steps.decrypt(session, message, env);
    if (opened.ok) {
      activate(held, session, opened.value);
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
  const { env, identity, registrationId, offeredVersion, replays } = held;
  const signedPreKey = held.signedPreKeys.get(message.signedPreKeyId);
  if (signedPreKey === undefined) return err({ code: 'NO_SIGNED_PREKEY' });
  // Some peers write "prekey 0" where there is none, and no bundle of ours has a prekey 0.
  const { oneTimePreKeyId = 0, ...rest } = message;
  const named = oneTimePreKeyId === 0 ? rest : message;
  const oneTimePreKey = held.oneTimePreKeys.get(oneTimePreKeyId);
  const kemPreKey = held.kemPreKeys.get(message.kem?.preKeyId ?? 0);
  const keys = {
    identity,
    signedPreKey,
    ...(oneTimePreKey && { oneTimePreKey }),
    ...(kemPreKey && { kemPreKey }),
  };
  const input = { message: named, registrationId, offeredVersion, replays, ...keys };
  const accepted = env.steps.accept(input, env);
  if (!accepted.ok) return accepted;
  held.oneTimePreKeys.delete(oneTimePreKeyId);
  if (kemPreKey?.use === 'oneTime') held.kemPreKeys.delete(message.kem?.preKeyId ?? 0);
  held.replays = accepted.value.replays ?? replays;
  activate(held, undefined, accepted.value);
  return ok(accepted.value.plaintext);
}

/** Sesame's rule: the session that did something last is the one to send on. Saves, then wipes. */
function activate(
  held: Held,
  before: Session | undefined,
  { session, consumed }: { readonly session: Session; readonly consumed: readonly Secret[] },
): void {
  const id = sessionId(session);
  const kept = held.env.saved?.save(before, session) ?? session;
  held.sessions = [kept, ...held.sessions.filter((other) => sessionId(other) !== id)];
  for (const secret of consumed) held.env.crypto.wipe(secret);
}
