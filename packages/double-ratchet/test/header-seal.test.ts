/** One encrypted header: opens under its key alone, and never looks the same twice. */

import { bytesToHex } from '@simsim/bytes';
import type { Crypto, Secret } from '@simsim/crypto';
import { seededEntropy } from '@simsim/crypto';
import { nobleCrypto } from '@simsim/crypto/noble';
import { describe, expect, it } from 'vitest';
import { openHeader, sealHeader } from '../src/header-seal.ts';
import type { RatchetHeader } from '../src/index.ts';
import { AD, Talk, headers, must } from './variants.ts';

const { suite } = headers;
const crypto = nobleCrypto;
const entropy = seededEntropy(Uint8Array.of(3), crypto);

function headerKey(fill: number): Secret<'header'> {
  return crypto.importSecret('header', new Uint8Array(32).fill(fill));
}

const header: RatchetHeader = {
  ratchetKey: new Uint8Array(32).fill(8),
  counter: 5,
  previousCount: 3,
};

describe('an encrypted header', () => {
  const env = { crypto, entropy, suite };

  it('opens under its key and under no other', () => {
    const sealed = sealHeader(header, headerKey(1), env);
    expect(sealed).toHaveLength(72);
    expect(openHeader(sealed, headerKey(1), env)).toEqual(header);
    expect(openHeader(sealed, headerKey(2), env)).toBeUndefined();
  });

  it('opens no more once a bit of it is flipped or a byte is missing', () => {
    const sealed = sealHeader(header, headerKey(1), env);
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const damaged = sealed.slice();
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(openHeader(damaged, headerKey(1), env)).toBeUndefined();
    }
    for (let end = 0; end < sealed.length; end++) {
      expect(openHeader(sealed.slice(0, end), headerKey(1), env)).toBeUndefined();
    }
  });

  it('says nothing twice: equal headers look different, also from a restored state', () => {
    const talk = new Talk(headers, crypto);
    const restored = talk.states.alice;
    const seen = new Set<string>();
    const keys = new Set<string>();
    const noting: Crypto = {
      ...crypto,
      seal(key, ...given) {
        keys.add(bytesToHex(crypto.exportSecret(key)));
        return crypto.seal(key, ...given);
      },
    };
    for (let i = 0; i < 300; i++) {
      const sendEnv = { ...talk.sendEnv(), crypto: noting };
      const input = { plaintext: AD, associatedData: AD };
      const { output } = must(headers.encrypt(restored, input, sendEnv));
      seen.add(bytesToHex(output.header.subarray(0, 16)));
    }
    expect(seen.size).toBe(300);
    // The nonce inside is fixed: it is the key that must be another each time.
    expect(keys.size).toBe(300);
  });

  it('draws 128 random bits for its nonce', () => {
    const drawn: number[] = [];
    const counting = (length: number): Uint8Array => {
      drawn.push(length);
      return new Uint8Array(length);
    };
    sealHeader(header, headerKey(1), { ...env, entropy: counting });
    expect(drawn).toEqual([16]);
  });

  it('wipes the key it made for one header', () => {
    const alive = new Set<Secret>();
    const tracking: Crypto = {
      ...crypto,
      hkdf(...given) {
        const made = crypto.hkdf(...given);
        for (const secret of made) alive.add(secret);
        return made;
      },
      wipe(secret) {
        alive.delete(secret);
        crypto.wipe(secret);
      },
    };
    const sealed = sealHeader(header, headerKey(1), { ...env, crypto: tracking });
    openHeader(sealed, headerKey(1), { crypto: tracking, suite });
    openHeader(sealed, headerKey(2), { crypto: tracking, suite });
    expect(alive.size).toBe(0);
  });
});
