/** Both variants behind one interface, and two ends that talk: every law runs on all of them. */

import { bytesToHex } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import type { Crypto, Entropy, KeyPair, Secret } from '@simsim/crypto';
import { seededEntropy } from '@simsim/crypto';
import type {
  DecryptEnv,
  DecryptStep,
  EncryptEnv,
  EncryptStep,
  HeaderRatchetState,
  MessageOptions,
  PlainMessage,
  RatchetMessage,
  RatchetOptions,
  RatchetState,
  ReceivedMessage,
} from '../src/index.ts';
import {
  defaultRatchetLimits,
  deriveStartSecrets,
  headerDecrypt,
  headerEncrypt,
  headerRatchetSecrets,
  ratchetDecrypt,
  ratchetEncrypt,
  ratchetSecrets,
  specSuite,
  startHeaderInitiator,
  startHeaderResponder,
  startInitiator,
  startResponder,
} from '../src/index.ts';

type Refused = { readonly code: string };
type Encrypted<State> = Result<EncryptStep<State>, Refused>;
type Decrypted<State> = Result<DecryptStep<State>, Refused>;

/** One way to run the Double Ratchet. */
export interface Variant<State extends object> {
  readonly suite: MessageOptions['suite'];
  start(
    agreed: () => Secret<'root'>,
    prekey: KeyPair,
    env: EncryptEnv,
  ): { readonly alice: State; readonly bob: State };
  encrypt(state: State, input: PlainMessage, env: EncryptEnv): Encrypted<State>;
  decrypt(state: State, input: ReceivedMessage, env: DecryptEnv): Decrypted<State>;
  secrets(state: State): readonly Secret[];
  /** Skipped keys a state holds. */
  held(state: State): number;
}

const suite = specSuite('Test', { tagBytes: 16 });

function plainVariant(oldChains: 'kept' | 'closed'): Variant<RatchetState> {
  return {
    suite: { ...suite, oldChains },
    start: (agreed, prekey, env) => ({
      alice: must(startInitiator({ root: agreed(), peer: prekey.publicKey }, env, env.options)),
      bob: startResponder(agreed(), prekey),
    }),
    encrypt: ratchetEncrypt,
    decrypt: ratchetDecrypt,
    secrets: ratchetSecrets,
    held: ({ blocks }) => [...blocks.values()].reduce((sum, { seeds }) => sum + seeds.length, 0),
  };
}

export const plain: Variant<RatchetState> = plainVariant('closed');
const plainKept: Variant<RatchetState> = plainVariant('kept');

export const headers: Variant<HeaderRatchetState> = {
  suite,
  start(agreed, prekey, env) {
    const peer = prekey.publicKey;
    const secrets = (): ReturnType<typeof deriveStartSecrets> =>
      deriveStartSecrets(agreed(), { crypto: env.crypto, suite });
    return {
      alice: must(startHeaderInitiator({ secrets: secrets(), peer }, env)),
      bob: startHeaderResponder(secrets(), prekey),
    };
  },
  encrypt: headerEncrypt,
  decrypt: headerDecrypt,
  secrets: headerRatchetSecrets,
  held: ({ receiving, closed }) =>
    closed.reduce((sum, { skipped }) => sum + skipped.length, receiving?.skipped.length ?? 0),
};

/** All of them, for tests that run on each. */
export const variants: readonly (readonly [name: string, variant: Variant<object>])[] = [
  ['plain', plain],
  ['plain with old chains kept', plainKept],
  ['header-encrypted', headers],
];

/** The success of a step that must succeed. */
export function must<T>(result: Result<T, Refused>): T {
  if (!result.ok) throw new Error(`refused: ${result.error.code}`);
  return result.value;
}

export interface TalkOptions {
  readonly seed?: number;
  readonly limits?: Partial<RatchetOptions['limits']>;
  readonly sabotage?: RatchetOptions['sabotage'];
}

export type Side = 'alice' | 'bob';

export function other(side: Side): Side {
  return side === 'alice' ? 'bob' : 'alice';
}

export const AD: Uint8Array = Uint8Array.of(1, 2, 3);

/** Two ends of one ratchet. A refused step leaves them as they are. */
export class Talk<State extends object> {
  readonly variant: Variant<State>;
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  readonly options: MessageOptions;
  readonly prekey: KeyPair;
  readonly states: Record<Side, State>;
  /** Passed to every receiving step. */
  elapsedMs: number | undefined;

  constructor(variant: Variant<State>, crypto: Crypto, given: TalkOptions = {}) {
    const { seed = 1, limits, sabotage } = given;
    this.variant = variant;
    this.crypto = crypto;
    this.entropy = seededEntropy(Uint8Array.of(seed, seed >> 8), crypto);
    this.options = {
      suite: variant.suite,
      limits: { ...defaultRatchetLimits, ...limits },
      sabotage,
    };
    this.prekey = crypto.keyPair(this.entropy(crypto.parameters.keyBytes));
    const bytes = this.entropy(32);
    const agreed = (): Secret<'root'> => crypto.importSecret('root', bytes);
    this.states = variant.start(agreed, this.prekey, this.sendEnv());
  }

  sendEnv(): EncryptEnv {
    return { crypto: this.crypto, entropy: this.entropy, options: this.options };
  }

  receiveEnv(): DecryptEnv {
    return { crypto: this.crypto, options: this.options, elapsedMs: this.elapsedMs };
  }

  send(from: Side, body = 0): RatchetMessage {
    const plaintext = Uint8Array.of(body, body >> 8);
    const input = { plaintext, associatedData: AD };
    const step = must(this.variant.encrypt(this.states[from], input, this.sendEnv()));
    this.states[from] = step.state;
    return step.output;
  }

  try(to: Side, message: RatchetMessage): Decrypted<State> {
    const input = { message, associatedData: AD };
    const step = this.variant.decrypt(this.states[to], input, this.receiveEnv());
    if (step.ok) this.states[to] = step.value.state;
    return step;
  }

  /** Delivers a message that must open and gives its body. */
  deliver(to: Side, message: RatchetMessage): number {
    const { output } = must(this.try(to, message));
    return (output[0] ?? 0) + (output[1] ?? 0) * 256;
  }

  /** The code of a message that must be refused. */
  refused(to: Side, message: RatchetMessage): string {
    const step = this.try(to, message);
    if (step.ok) throw new Error('not refused');
    return step.error.code;
  }

  /** One message each way, so that both ends have turned. */
  roundTrip(first: Side = 'alice'): void {
    this.deliver(other(first), this.send(first));
    this.deliver(first, this.send(other(first)));
  }
}

/** Everything a state says, secrets included; needs a backend whose handles are their bytes. */
export function fingerprint(value: unknown): string {
  return JSON.stringify(value, (_key, held: unknown) => {
    if (held instanceof Uint8Array) return bytesToHex(held);
    if (held instanceof Map) return [...held];
    return held;
  });
}

/** Whether a law holds under a variant of the code; a law that throws does not. */
export function holds(law: () => void): boolean {
  try {
    law();
    return true;
  } catch {
    return false;
  }
}
