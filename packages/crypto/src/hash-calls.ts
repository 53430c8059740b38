/** HKDF, chain steps and tags over either hash, for any backend that brings HMAC and HKDF. */

import { equalBytes, invariant, wipe } from '@simsim/bytes';
import type { Part, Role, Secret, Secrets } from './crypto.ts';
import { ROLE_LENGTHS, ROLE_LENGTHS_X448 } from './crypto.ts';
import type { MakeHandle } from './handle-brand.ts';
import { bytesOf, lengthOf, splitSecrets } from './handle-brand.ts';
import { HKDF_BLOCKS_MAX, MAC_KEY, isTagLength } from './layout.ts';
import type { HashCalls } from './calls.ts';
import type { ParameterSet } from './parameters.ts';
import { joinParts, toBytes } from './parts.ts';

/** What {@link hashCalls} is built on. Results are in memory of their own. */
export interface HashPrimitives {
  readonly hmac: (key: Uint8Array, parts: readonly Uint8Array[]) => Uint8Array;
  /** `salt` absent means zeros, as many as the hash puts out. */
  readonly hkdf: (
    ikm: Uint8Array,
    salt: Uint8Array | undefined,
    expand: { readonly info: Uint8Array; readonly length: number },
  ) => Uint8Array;
  readonly make: MakeHandle;
}

/** The hash's share of a backend. */
export function hashCalls(parameters: ParameterSet, primitives: HashPrimitives): HashCalls {
  const { hmac, make } = primitives;
  const { hashBytes } = parameters;
  const lengths = parameters.curve === 'x448' ? ROLE_LENGTHS_X448 : ROLE_LENGTHS;
  const hkdf = <const R extends readonly Role[]>(
    ikm: readonly Part[],
    salt: Part | undefined,
    info: Uint8Array,
    out: R,
  ): Secrets<R> => {
    const length = lengthOf(out, lengths);
    invariant(length <= HKDF_BLOCKS_MAX * hashBytes, 'HKDF puts out at most 255 blocks');
    const input = joinParts(ikm);
    const saltBytes = salt === undefined ? undefined : toBytes(salt);
    const output = primitives.hkdf(input, saltBytes, { info, length });
    wipe(input);
    return splitSecrets(output, out, make, lengths);
  };
  /** Chain and message keys have 32 bytes whatever the hash (Double Ratchet §5.2). */
  const step = (chain: Secret<'chain'>, constant: number): Uint8Array => {
    const output = hmac(bytesOf(chain), [Uint8Array.of(constant)]);
    const key = output.slice(0, 32);
    wipe(output);
    return key;
  };
  const calls: HashCalls = {
    hkdf,
    chainStep: (chain) => [make('chain', step(chain, 2)), make('seed', step(chain, 1))],
    messageKeys: (seed, salt, info) => hkdf([seed], salt, info, ['message'])[0],
    chainMessage(chain, info) {
      const [next, seed] = calls.chainStep(chain);
      const keys = calls.messageKeys(seed, undefined, info);
      wipe(bytesOf(seed));
      return [next, keys];
    },
    tag(keys, parts, length) {
      invariant(isTagLength(length, hashBytes), 'a tag is 8 bytes to a whole hash');
      return hmac(bytesOf(keys).subarray(...MAC_KEY), parts).slice(0, length);
    },
    tagMatches: (keys, parts, tag) =>
      isTagLength(tag.length, hashBytes) && equalBytes(calls.tag(keys, parts, tag.length), tag),
  };
  return calls;
}
