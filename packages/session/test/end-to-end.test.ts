import { describe, expect, it } from 'vitest';
import { changesOf, isInitiating, remoteIdentity, sessionId } from '../src/index.ts';
import { Conversation, backends, bytesOf, parse, refusal } from './conversation.ts';

describe.each(backends)('a conversation on %s', (_name, crypto) => {
  it('goes back and forth', () => {
    const talk = new Conversation(crypto);
    const { alice } = talk;
    expect(talk.toBob(talk.send(alice, bytesOf('open')))).toEqual(bytesOf('open'));
    const { bob } = talk;
    expect(sessionId(bob.session)).toBe(sessionId(alice.session));
    expect(remoteIdentity(bob.session)).toEqual(alice.party.identity.publicKey.bytes);
    expect(isInitiating(alice.session)).toBe(true);
    for (let i = 0; i < 5; i++) {
      expect(talk.deliver(alice, talk.send(bob, bytesOf(`b${i}`)))).toEqual(bytesOf(`b${i}`));
      expect(isInitiating(alice.session)).toBe(false);
      expect(talk.deliver(bob, talk.send(alice, bytesOf(`a${i}`)))).toEqual(bytesOf(`a${i}`));
    }
  });

  it('refuses a repeat and leaves the session the same object', () => {
    const talk = new Conversation(crypto);
    const first = talk.send(talk.alice, bytesOf('1'));
    talk.toBob(first);
    const before = talk.bob.session;
    expect(refusal(talk.tryDeliver(talk.bob, first))).toBe('DUPLICATE');
    expect(talk.bob.session).toBe(before);
    expect(parse(first).kind).toBe('initiation');
  });

  it('changes nothing but the hot state on an in-order message', () => {
    const talk = new Conversation(crypto);
    talk.toBob(talk.send(talk.alice, bytesOf('1')));
    const before = talk.bob.session;
    talk.deliver(talk.bob, talk.send(talk.alice, bytesOf('2')));
    expect(changesOf(before, talk.bob.session)).toEqual({
      hot: true,
      cold: false,
      blocksWritten: [],
      blocksDropped: [],
    });
  });
});
