/** `@matrix-org/olm`: sessions of its own format, so its devices talk to each other only. */

import type { Result } from '@simsim/bytes';
import { err, invariant, ok } from '@simsim/bytes';
import type { Bundle, Device, Letter, Peer, Refusal } from '@simsim/interop';
import { attempt, hasMembers } from '@simsim/interop';

interface OlmAccount {
  create(): void;
  identity_keys(): string;
  generate_one_time_keys(count: number): void;
  one_time_keys(): string;
  mark_keys_as_published(): void;
  remove_one_time_keys(session: OlmSession): void;
}

interface OlmSession {
  create_outbound(account: OlmAccount, identityKey: string, oneTimeKey: string): void;
  create_inbound(account: OlmAccount, message: string): void;
  encrypt(plaintext: string): { readonly type: 0 | 1; readonly body: string };
  decrypt(type: 0 | 1, body: string): string;
}

interface OlmLoader {
  /** Fills the module with its classes. */
  init(): Promise<void>;
}

interface OlmModule {
  readonly Account: new () => OlmAccount;
  readonly Session: new () => OlmSession;
}

function isLoader(module: unknown): module is OlmLoader {
  return hasMembers(module, ['init']);
}

function isOlm(module: unknown): module is OlmModule {
  return hasMembers(module, ['Account', 'Session']);
}

/** Olm's text interface carries bytes as text of one byte a character. */
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));
/** Messages and keys are unpadded base64. */
const raw = (base64: string): Uint8Array => Uint8Array.from(Buffer.from(base64, 'base64'));
const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes).toString('base64').replaceAll('=', '');

/** Adapts the module. It takes no entropy of ours. */
export function olmPeer(module: unknown): Peer {
  invariant(isLoader(module), 'the module is Olm');
  const loading = module.init();
  return {
    name: 'olm@3.2.15',
    async createDevice() {
      await loading;
      invariant(isOlm(module), 'Olm is there once it is loaded');
      return createDevice(module);
    },
  };
}

function createDevice({ Account, Session }: OlmModule): Device {
  const account = new Account();
  account.create();
  let session: OlmSession | undefined;
  return {
    publish: () => Promise.resolve(ok(publish(account))),
    initiate: (bundle) =>
      attempt(() => {
        const { oneTimePreKey } = bundle;
        invariant(oneTimePreKey !== undefined, 'Olm begins with a one-time key');
        session = new Session();
        session.create_outbound(
          account,
          base64(bundle.identityKey),
          base64(oneTimePreKey.publicKey),
        );
        return Promise.resolve(undefined);
      }),
    encrypt(plaintext): Promise<Result<Letter, Refusal>> {
      if (session === undefined) return Promise.resolve(err({ code: 'NO_SESSION' }));
      const { type, body } = session.encrypt(textOf(plaintext));
      return Promise.resolve(ok({ bytes: raw(body), isInitiation: type === 0 }));
    },
    decrypt: ({ bytes, isInitiation }) =>
      attempt(() => {
        const body = base64(bytes);
        if (session === undefined) {
          session = new Session();
          session.create_inbound(account, body);
          account.remove_one_time_keys(session);
        }
        return Promise.resolve(bytesOf(session.decrypt(isInitiation ? 0 : 1, body)));
      }),
  };
}

/** The keys of an account, of which Olm signs none by itself. */
function publish(account: OlmAccount): Bundle {
  account.generate_one_time_keys(1);
  const [id, publicKey] = firstKey(account.one_time_keys());
  account.mark_keys_as_published();
  const identityKey = curveKey(account.identity_keys());
  const none = new Uint8Array(0);
  return {
    identityKey,
    registrationId: 0,
    signedPreKey: { id: 0, publicKey: none, signature: none },
    oneTimePreKey: { id: id.length, publicKey },
  };
}

function curveKey(json: string): Uint8Array {
  return raw(String(memberOf(JSON.parse(json), 'curve25519')));
}

function firstKey(json: string): readonly [id: string, publicKey: Uint8Array] {
  const keys = memberOf(JSON.parse(json), 'curve25519');
  const [id] = Object.keys(keys ?? {});
  invariant(id !== undefined, 'a one-time key was made');
  return [id, raw(String(memberOf(keys, id)))];
}

function memberOf(value: unknown, name: string): unknown {
  invariant(typeof value === 'object' && value !== null, 'Olm answers objects');
  return Reflect.get(value, name);
}
