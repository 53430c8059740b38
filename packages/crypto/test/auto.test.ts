/** The automatic pick: Node's backend where there is Node, noble elsewhere, under the same names. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as onNode from '../src/auto-node/index.ts';
import * as elsewhere from '../src/auto-noble/index.ts';
import { nobleCrypto } from '../src/noble/index.ts';
import { nodeCrypto, nodeEntropy } from '../src/node/index.ts';

describe('the automatic pick', () => {
  it('is the node backend here', async () => {
    const auto = await import('@simsim/crypto/auto');
    expect(auto.crypto).toBe(nodeCrypto);
    expect(auto.entropy).toBe(nodeEntropy);
  });

  it('is noble for a resolver that does not know Node', () => {
    expect(elsewhere.crypto).toBe(nobleCrypto);
    const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
    const { exports } = JSON.parse(manifest) as {
      exports: Record<string, Record<string, Record<string, string>>>;
    };
    expect(exports['./auto']?.['default']?.['default']).toBe('./dist/auto-noble/index.js');
    expect(Object.keys(exports['./auto'] ?? {})).toEqual(['@simsim/source', 'node', 'default']);
  });

  it('offers the same names on both', () => {
    expect(Object.keys(onNode).toSorted()).toEqual(Object.keys(elsewhere).toSorted());
  });

  it.each([
    ['node', onNode],
    ['elsewhere', elsewhere],
  ])('%s: entropy is fresh, of the asked length, and owns its memory', (_name, { entropy }) => {
    for (const length of [0, 1, 32, 64, 65, 5000]) {
      const [first, second] = [entropy(length), entropy(length)];
      expect(first).toHaveLength(length);
      expect(first.buffer.byteLength).toBe(length);
      if (length >= 32) expect(first).not.toEqual(second);
    }
  });
});
