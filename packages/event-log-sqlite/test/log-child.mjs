/**
 * A device's worth of log in a process of its own, which dies where it is told to. Prints a line for
 * every commit it was promised, synchronously, so that the reader knows exactly what was promised.
 */
import { writeSync } from 'node:fs';
import { nodeCrypto as crypto, nodeEntropy as entropy } from '@simsim/crypto/node';
import { openSqliteLog } from '../dist/index.js';

const { path, vaultPath, key, site, count, wipe } = JSON.parse(process.argv[2]);
let left = count;
const chaos = {
  at(here) {
    if (here === site && --left === 0) process.kill(process.pid, 'SIGKILL');
  },
};
const options = { path, vaultPath, key: { kind: 'raw', key: Buffer.from(key, 'hex') }, wipe };
const opened = openSqliteLog({ ...options, ifMissing: 'create', crypto, entropy, chaos });
if (!opened.ok) {
  writeSync(1, `refused ${opened.error.code}\n`);
  process.exit(3);
}
const { log } = opened.value;
const text = (value) => new Uint8Array(Buffer.from(value, 'utf8'));
const id = (kind, number) =>
  text(`${kind} ${String(number).padStart(10, '0')}`.slice(-16).padStart(16));
const say = (kind, ...values) => writeSync(1, `${[kind, ...values].join(' ')}\n`);

/** What the process before left unread and unsent. */
const mails = log.inbox().map((mail) => mail.id);
const posts = log.outbox().map(({ post }) => post);

for (let round = 0; round < 400; round++) {
  const stream = `session/${round % 5}`;
  const version = (log.head(stream)?.version ?? 0) + 1;
  const number = log.tip().seq + 1;
  const send = `send/${number}`;
  const event = { type: 1, schema: 1, facts: text(`facts ${number}`) };
  const events = [
    { ...event, stream, sealed: [text(`${stream} ${version}`)], seen: [text(`seen ${number}`)] },
  ];
  events.push({ ...event, stream: send, sealed: [text(`${send} 1`)] });
  const ended = `send/${number - 6}`;
  if (log.head(ended)?.isClosed === false) events.push({ ...event, stream: ended, closes: true });
  const mail = id('mail', number);
  const post = id('post', number);
  mails.push(mail);
  posts.push(post);
  const inboxDone = mails.length > 4 ? mails.splice(0, 2) : [];
  const outboxDone = posts.length > 4 ? posts.splice(0, 2) : [];
  const batch = { at: 1000 + number, events, inboxDone, outboxDone };
  const answer = log.commit({
    ...batch,
    inboxPut: [{ id: mail, body: text(`body ${number}`) }],
    outboxPut: [{ post, body: text(`post ${number}`) }],
    data: [{ key: `row/${number % 7}`, value: text(`${number}`) }],
    records: [{ name: 'last', value: text(`${answerTo(events, log.tip().seq)}`) }],
  });
  if (!answer.ok) {
    say('refused', answer.error.code);
    process.exit(4);
  }
  say(
    'acknowledged',
    answer.value.seqLast,
    Buffer.from(log.tip().hash).toString('hex'),
    stream,
    version,
  );
  if (round % 7 === 6) {
    log.flush();
    say('flushed', log.tip().seq);
  }
}
log.close();
say('done');

/** The last `seq` of the batch, which is what the record says. */
function answerTo(events, seq) {
  return seq + events.length;
}
