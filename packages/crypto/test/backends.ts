import { readFileSync } from 'node:fs';
import { bytesToHex, hexToBytes } from '@simsim/bytes';
import type { Crypto, ParameterChoice, Secret } from '../src/index.ts';
import { createNobleCrypto, nobleCrypto } from '../src/noble/index.ts';
import { createNodeCrypto, nodeCrypto } from '../src/node/index.ts';

export const backends: readonly (readonly [string, Crypto])[] = [
  ['noble', nobleCrypto],
  ['node', nodeCrypto],
];

/** What makes a backend of each kind for a parameter set. */
export const factories: readonly (readonly [string, (choice?: ParameterChoice) => Crypto])[] = [
  ['noble', createNobleCrypto],
  ['node', createNodeCrypto],
];

/** Hex to bytes; a typing error in a vector file must not pass as an empty input. */
export function hex(text: string): Uint8Array {
  const bytes = hexToBytes(text);
  if (bytes === undefined) throw new Error(`not hex: ${text.slice(0, 16)}`);
  return bytes;
}

/** The bytes of a handle as text. */
export function exportHex(crypto: Crypto, secret: Secret): string {
  return bytesToHex(crypto.exportSecret(secret));
}

/** Reads a vector file of this package. */
export function readVectors<T>(name: string): T {
  const url = new URL(`./vectors/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8')) as T;
}
