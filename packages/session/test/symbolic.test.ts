import { describe, expect, it } from 'vitest';
import { Conversation, bytesOf, refusal } from './conversation.ts';
import { flipTag } from './schedule.ts';
import { symbolicCrypto } from './symbolic-crypto.ts';

describe('the crypto seam', () => {
  it('carries a symbolic backend through X3DH and a ping-pong', () => {
    const { crypto, terms } = symbolicCrypto();
    const talk = new Conversation(crypto);
    const { alice } = talk;
    const late = talk.send(alice, bytesOf('late'));
    expect(talk.toBob(talk.send(alice, bytesOf('open')))).toEqual(bytesOf('open'));
    const { bob } = talk;
    for (let i = 0; i < 3; i++) {
      expect(talk.deliver(alice, talk.send(bob, bytesOf(`b${i}`)))).toEqual(bytesOf(`b${i}`));
      expect(talk.deliver(bob, talk.send(alice, bytesOf(`a${i}`)))).toEqual(bytesOf(`a${i}`));
    }
    expect(talk.deliver(bob, late)).toEqual(bytesOf('late'));
    const next = talk.send(alice, bytesOf('next'));
    expect(refusal(talk.tryDeliver(bob, flipTag(next)))).toBe('BAD_MAC');
    expect(talk.deliver(bob, next)).toEqual(bytesOf('next'));
    // Nothing secret was ever turned into public bytes: only these kinds have names.
    const named = new Set(terms.map((term) => term.slice(0, term.indexOf('('))));
    expect(named).toEqual(new Set(['public', 'sign', 'digest', 'encrypt', 'tag']));
  });
});
