/** Every query of the store, compiled when the module loads. */

import { builder as db, compileQuery, slot } from './compiled-query.ts';
import type { CompiledText } from './compiled-query.ts';
import { FREE_ID } from './schema.ts';

const bytes = (name: string) => slot<Uint8Array>(name);
const number = (name: string) => slot<number>(name);
const numberOrNull = (name: string) => slot<number | null>(name);
const text = (name: string) => slot<string>(name);

const EVENT_COLUMNS = [
  'seq',
  'stream',
  'version',
  'prev',
  'kind',
  'at',
  'facts',
  'sealed',
  'hash',
] as const;
const STREAM_COLUMNS = ['id', 'name', 'label', 'slot'] as const;
const HEAD_COLUMNS = ['stream', 'version', 'seq', 'sealed', 'state'] as const;
const NAMED_COLUMNS = ['id', 'name', 'value'] as const;

const putNamed = (table: 'record' | 'data') =>
  db
    .insertInto(table)
    .values({ name: bytes('name'), value: bytes('value') })
    .onConflict((conflict) =>
      conflict.column('name').doUpdateSet({ value: (eb) => eb.ref('excluded.value') }),
    );

const pageOfNamed = (table: 'record' | 'data') =>
  db
    .selectFrom(table)
    .select(NAMED_COLUMNS)
    .where('id', '>', number('after'))
    .orderBy('id')
    .limit(number('limit'));

/** The name of a query. */
export type QueryName =
  | 'dataVersion'
  | 'tip'
  | 'event'
  | 'eventPage'
  | 'putEvent'
  | 'prunePart'
  | 'forgetFacts'
  | 'streamByName'
  | 'streamById'
  | 'streamPage'
  | 'publicStreamPage'
  | 'streamMax'
  | 'putStream'
  | 'renameStream'
  | 'head'
  | 'headPage'
  | 'addHead'
  | 'moveHead'
  | 'outbox'
  | 'putOutbox'
  | 'freeOutbox'
  | 'retryOutbox'
  | 'outboxSlots'
  | 'inbox'
  | 'putInbox'
  | 'freeInbox'
  | 'inboxSlots'
  | 'seenRunPage'
  | 'seenUpto'
  | 'putSeenRun'
  | 'expireSeenRuns'
  | 'record'
  | 'recordPage'
  | 'putRecord'
  | 'dropRecord'
  | 'data'
  | 'dataPage'
  | 'dataCount'
  | 'putData'
  | 'dropData'
  | 'meta'
  | 'putMeta'
  | 'leases'
  | 'takeLease'
  | 'dropLease';

const raw = (sqlText: string): CompiledText => ({ sql: sqlText, places: [] });

/** All queries, compiled. */
export const QUERIES: { readonly [N in QueryName]: CompiledText } = {
  dataVersion: raw('PRAGMA data_version'),
  tip: compileQuery(db.selectFrom('event').select(['seq', 'hash']).orderBy('seq', 'desc').limit(1)),
  event: compileQuery(
    db.selectFrom('event').select(EVENT_COLUMNS).where('seq', '=', number('seq')),
  ),
  eventPage: compileQuery(
    db
      .selectFrom('event')
      .select(EVENT_COLUMNS)
      .where('seq', '>=', number('from'))
      .where('seq', '<=', number('to'))
      .orderBy('seq')
      .limit(number('limit')),
  ),
  putEvent: compileQuery(
    db.insertInto('event').values({
      seq: number('seq'),
      stream: number('stream'),
      version: number('version'),
      prev: number('prev'),
      kind: number('kind'),
      at: number('at'),
      facts: bytes('facts'),
      sealed: slot<Uint8Array | null>('sealed'),
      hash: bytes('hash'),
    }),
  ),
  prunePart: compileQuery(
    db
      .updateTable('event')
      .set({ sealed: bytes('digest') })
      .where('seq', '=', number('seq')),
  ),
  forgetFacts: compileQuery(
    db
      .updateTable('event')
      .set({ facts: bytes('digest') })
      .where('seq', '=', number('seq')),
  ),
  renameStream: compileQuery(
    db
      .updateTable('stream')
      .set({ name: bytes('name'), label: bytes('label') })
      .where('id', '=', number('id')),
  ),
  streamByName: compileQuery(
    db.selectFrom('stream').select(STREAM_COLUMNS).where('name', '=', bytes('name')),
  ),
  streamById: compileQuery(
    db.selectFrom('stream').select(STREAM_COLUMNS).where('id', '=', number('id')),
  ),
  streamPage: compileQuery(
    db
      .selectFrom('stream')
      .select(STREAM_COLUMNS)
      .where('id', '>', number('after'))
      .orderBy('id')
      .limit(number('limit')),
  ),
  publicStreamPage: compileQuery(
    db
      .selectFrom('stream')
      .select(STREAM_COLUMNS)
      .where('slot', 'is', null)
      .where('id', '>', number('after'))
      .orderBy('id')
      .limit(number('limit')),
  ),
  streamMax: compileQuery(db.selectFrom('stream').select('id').orderBy('id', 'desc').limit(1)),
  putStream: compileQuery(
    db
      .insertInto('stream')
      .values({
        id: number('id'),
        name: bytes('name'),
        label: bytes('label'),
        slot: numberOrNull('slot'),
      })
      .onConflict((conflict) =>
        conflict.column('id').doUpdateSet({ slot: (eb) => eb.ref('excluded.slot') }),
      ),
  ),
  head: compileQuery(
    db.selectFrom('head').select(HEAD_COLUMNS).where('stream', '=', number('stream')),
  ),
  headPage: compileQuery(
    db
      .selectFrom('head')
      .select(HEAD_COLUMNS)
      .where('stream', '>', number('after'))
      .orderBy('stream')
      .limit(number('limit')),
  ),
  addHead: compileQuery(
    db.insertInto('head').values({
      stream: number('stream'),
      version: number('version'),
      seq: number('seq'),
      sealed: number('sealed'),
      state: number('state'),
    }),
  ),
  moveHead: compileQuery(
    db
      .updateTable('head')
      .set({
        version: number('version'),
        seq: number('seq'),
        sealed: number('sealed'),
        state: number('state'),
      })
      .where('stream', '=', number('stream'))
      .where('version', '=', number('expected')),
  ),
  outbox: compileQuery(
    db
      .selectFrom('outbox')
      .select(['slot', 'post', 'seq', 'due', 'tries', 'body'])
      .where('post', '!=', FREE_ID)
      .orderBy('seq')
      .orderBy('slot'),
  ),
  putOutbox: compileQuery(
    db.replaceInto('outbox').values({
      slot: number('slot'),
      post: bytes('post'),
      seq: number('seq'),
      due: numberOrNull('due'),
      tries: number('tries'),
      body: bytes('body'),
    }),
  ),
  freeOutbox: compileQuery(
    db.updateTable('outbox').set({ post: FREE_ID }).where('slot', '=', number('slot')),
  ),
  retryOutbox: compileQuery(
    db
      .updateTable('outbox')
      .set({ due: number('due'), tries: number('tries') })
      .where('slot', '=', number('slot')),
  ),
  outboxSlots: compileQuery(db.selectFrom('outbox').select('slot').orderBy('slot')),
  inbox: compileQuery(
    db
      .selectFrom('inbox')
      .select(['slot', 'id', 'seq', 'epoch', 'body'])
      .where('id', '!=', FREE_ID)
      .orderBy('seq')
      .orderBy('slot'),
  ),
  putInbox: compileQuery(
    db.replaceInto('inbox').values({
      slot: number('slot'),
      id: bytes('id'),
      seq: number('seq'),
      epoch: number('epoch'),
      body: bytes('body'),
    }),
  ),
  freeInbox: compileQuery(
    db.updateTable('inbox').set({ id: FREE_ID }).where('slot', '=', number('slot')),
  ),
  inboxSlots: compileQuery(db.selectFrom('inbox').select('slot').orderBy('slot')),
  seenRunPage: compileQuery(
    db
      .selectFrom('seen_run')
      .select(['upto', 'until', 'ids'])
      .where('id', '>', number('after'))
      .orderBy('id')
      .limit(number('limit')),
  ),
  seenUpto: compileQuery(db.selectFrom('seen_run').select('upto').orderBy('id', 'desc').limit(1)),
  putSeenRun: compileQuery(
    db.insertInto('seen_run').values({
      id: number('upto'),
      upto: number('upto'),
      until: number('until'),
      ids: bytes('ids'),
    }),
  ),
  expireSeenRuns: compileQuery(db.deleteFrom('seen_run').where('until', '<', number('before'))),
  record: compileQuery(db.selectFrom('record').select('value').where('name', '=', bytes('name'))),
  recordPage: compileQuery(pageOfNamed('record')),
  putRecord: compileQuery(putNamed('record')),
  dropRecord: compileQuery(db.deleteFrom('record').where('name', '=', bytes('name'))),
  data: compileQuery(db.selectFrom('data').select('value').where('name', '=', bytes('name'))),
  dataCount: compileQuery(
    db.selectFrom('data').select(({ fn }) => fn.countAll<number>().as('rows')),
  ),
  dataPage: compileQuery(pageOfNamed('data')),
  putData: compileQuery(putNamed('data')),
  dropData: compileQuery(db.deleteFrom('data').where('name', '=', bytes('name'))),
  meta: compileQuery(db.selectFrom('meta').select('v').where('k', '=', text('key'))),
  putMeta: compileQuery(
    db
      .insertInto('meta')
      .values({ k: text('key'), v: bytes('value') })
      .onConflict((conflict) =>
        conflict.column('k').doUpdateSet({ v: (eb) => eb.ref('excluded.v') }),
      ),
  ),
  leases: compileQuery(
    db
      .selectFrom('lease')
      .select(['pid', 'start', 'boot', 'host', 'at', 'nonce', 'shared'])
      .orderBy('at'),
  ),
  takeLease: compileQuery(
    db.insertInto('lease').values({
      shared: number('shared'),
      pid: number('pid'),
      start: text('start'),
      boot: text('boot'),
      host: text('host'),
      at: number('at'),
      nonce: bytes('nonce'),
    }),
  ),
  dropLease: compileQuery(db.deleteFrom('lease').where('nonce', '=', bytes('nonce'))),
};
