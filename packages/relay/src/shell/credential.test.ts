import { bytesToBase64url } from '@simsim/bytes';
import { nodeCrypto as crypto } from '@simsim/crypto/node';
import { expect, test } from 'vitest';
import { tokenHashOf } from './credential.ts';

const token = new Uint8Array(32).fill(7);
const text = bytesToBase64url(token);

test('a bearer token of 32 bytes is hashed', () => {
  expect(tokenHashOf(`Bearer ${text}`, crypto)).toEqual(crypto.digest([token]));
});

test.each([
  undefined,
  '',
  text,
  `bearer ${text}`,
  `Bearer  ${text}`,
  `Bearer ${text} `,
  `Bearer ${text}A`,
  `Bearer ${text.slice(1)}`,
  `Bearer ${text.slice(0, 42)}=`,
  // The last character of 32 bytes carries two bits that must be zero.
  `Bearer ${text.slice(0, 42)}d`,
])('%j is no credential', (header) => {
  expect(tokenHashOf(header, crypto)).toBeUndefined();
});
