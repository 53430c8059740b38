/** Saboteurs of the commit path: logs that break a promise which only a kill can show. */

import { ok } from '@simsim/bytes';
import type { EventLog, LogBatch } from '@simsim/event-log';
import type { KillSabotage } from './frame-codec.ts';

/** Batches that are said to be durable and are not. */
const LATE_MAX = 3;

/** A log broken as told; the log itself where its commits are not what is broken. */
export function sabotagedLog(log: EventLog, sabotage: KillSabotage | undefined): EventLog {
  switch (sabotage) {
    case 'send-before-commit':
      return answeringEarly(log, (batch) => (batch.outboxPut ?? []).length > 0);
    case 'acknowledge-before-commit':
      // Posts in the same batch would break the other promise too.
      return answeringEarly(
        log,
        ({ inboxPut = [], outboxPut = [] }) => inboxPut.length > 0 && outboxPut.length === 0,
      );
    case 'forget-outbox':
      return { ...log, commit: (batch) => log.commit({ ...batch, outboxPut: [], outboxDone: [] }) };
    case 'rewind-chain':
    case undefined:
      return log;
  }
}

/** Answers before the commit where a batch is of that kind; a few such wait together. */
function answeringEarly(log: EventLog, isEarly: (batch: LogBatch) => boolean): EventLog {
  const late: LogBatch[] = [];
  const catchUp = (): void => {
    for (const batch of late.splice(0)) log.commit(batch);
  };
  return {
    ...log,
    commit(batch) {
      if (!isEarly(batch)) {
        catchUp();
        return log.commit(batch);
      }
      late.push({
        ...batch,
        inboxPut: (batch.inboxPut ?? []).map(({ id, body }) => ({ id, body: body.slice() })),
      });
      if (late.length > LATE_MAX) catchUp();
      const { seq } = log.tip();
      return ok({ seqFirst: seq + 1, seqLast: seq });
    },
    flush() {
      catchUp();
      log.flush();
    },
    close() {
      catchUp();
      log.close();
    },
  };
}
