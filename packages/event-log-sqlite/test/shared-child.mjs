/**
 * One of several processes that share a log. Each of its appends counts one up in a stream that all
 * of them write; where the log has moved, it reads and decides again. `stale`: it does not.
 */
import { readSync, writeSync } from 'node:fs';
import { nodeCrypto as crypto, nodeEntropy as entropy } from '@simsim/crypto/node';
import { openSqliteLog } from '../dist/index.js';

const { path, vaultPath, key, name, appends, isStale } = JSON.parse(process.argv[2]);
const options = { path, vaultPath, key: { kind: 'raw', key: Buffer.from(key, 'hex') } };
const opened = openSqliteLog({ ...options, ifMissing: 'refuse', shared: true, crypto, entropy });
if (!opened.ok) {
  writeSync(1, `refused ${opened.error.code}\n`);
  process.exit(3);
}
const { log } = opened.value;
const text = (value) => new Uint8Array(Buffer.from(value, 'utf8'));

function batchOf(number) {
  const held = log.sealedValue('all');
  const count = held === undefined ? 0 : Number(Buffer.from(held).toString());
  const event = { type: 1, schema: 1, facts: text(`${name} ${number}`) };
  return {
    at: number,
    events: [
      { ...event, stream: 'all', sealed: [text(`${count + 1}`)] },
      { ...event, stream: `own/${name}`, sealed: [text(`${number}`)] },
    ],
    data: [{ key: `row/${name}/${number}`, value: text(`${count + 1}`) }],
  };
}

// All begin at once, and each lets go of the processor now and then: SQLite's waiters sleep, so whoever
// has the lock would keep it for hundreds of commits.
writeSync(1, 'ready\n');
readSync(0, Buffer.alloc(2));
const pause = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);

let moved = 0;
for (let number = 1; number <= appends; number++) {
  let batch = batchOf(number);
  for (let tries = 0; ; tries++) {
    const answer = log.commit(batch);
    if (answer.ok) break;
    if (answer.error.code !== 'MOVED' || tries > 1000) {
      writeSync(1, `refused ${answer.error.code}\n`);
      process.exit(4);
    }
    moved++;
    if (!isStale) batch = batchOf(number);
  }
  if (number % 64 === 0) log.flush();
  if (number % 8 === 0) pause();
}
log.close();
writeSync(1, `appended ${appends} moved ${moved}\n`);
