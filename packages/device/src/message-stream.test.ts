import { expect, test } from 'vitest';
import type { Message } from './message.ts';
import { MessageStream } from './message-stream.ts';

function message(id: string): Message {
  const ack = async (): Promise<void> => undefined;
  return {
    id,
    from: { user: 'ali', deviceId: 1 },
    body: new Uint8Array(),
    text: id,
    sentAt: 0,
    ack,
  };
}

function streamOf(...ids: readonly string[]): MessageStream {
  const stream = new MessageStream();
  for (const id of ids) stream.put(id, message(id));
  return stream;
}

/** What a loop gets next; `ended` once it is over. */
async function next(loop: AsyncGenerator<Message>): Promise<string> {
  const { done, value } = await loop.next();
  return done === true ? 'ended' : value.id;
}

test('of several loops each message goes to one, and the close ends all of them', async () => {
  const stream = streamOf();
  const [one, two] = [stream.iterate(), stream.iterate()];
  const got = [next(one), next(two)];
  stream.put('a', message('a'));
  stream.put('b', message('b'));
  expect((await Promise.all(got)).toSorted()).toEqual(['a', 'b']);
  const ends = [next(one), next(two)];
  stream.close();
  expect(await Promise.all(ends)).toEqual(['ended', 'ended']);
});

test('a loop that is left hands back what it held, and nothing of the others', async () => {
  const stream = streamOf('a', 'b', 'c');
  const [one, two] = [stream.iterate(), stream.iterate()];
  expect(await next(one)).toBe('a');
  expect(await next(two)).toBe('b');
  await one.return(undefined);
  // What was handed back comes before what waits; `b` stays with the loop that has it.
  expect(await next(two)).toBe('a');
  expect(await next(two)).toBe('c');
  expect(stream.size()).toBe(3);
});

test('a loop that waits gets what another one hands back', async () => {
  const stream = streamOf('a');
  const [one, two] = [stream.iterate(), stream.iterate()];
  expect(await next(one)).toBe('a');
  const waiting = next(two);
  await one.return(undefined);
  expect(await waiting).toBe('a');
});

test('subscribers come before loops, each gets every message, and the last one hands back', async () => {
  const stream = streamOf();
  const loop = stream.iterate();
  const waiting = next(loop);
  const seen: string[] = [];
  const [one, two] = ['one', 'two'].map((name) =>
    stream.messages$.subscribe(({ id }) => seen.push(`${name} ${id}`)),
  );
  stream.put('a', message('a'));
  expect(seen).toEqual(['one a', 'two a']);
  stream.put('b', message('b'));
  stream.acknowledged('b');
  one?.unsubscribe();
  expect(stream.size()).toBe(1);
  two?.unsubscribe();
  expect(await waiting).toBe('a');
});
