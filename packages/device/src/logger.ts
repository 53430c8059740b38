/**
 * What a device says of itself to a log, by allow-list: a level, a code and a few plain fields. Texts, keys and
 * whatever an application's error says stay out; a health event that is added says here what of it is told.
 */

import type { DeviceCore } from '@simsim/device-core';
import type { EnvelopeState } from '@simsim/sesame';
import type { CloseReason, HealthEvent } from './health.ts';

/** How much a record matters: `warn` may want somebody, `error` does. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** One thing that happened. Codes are API, as are names of fields. */
export interface LogRecord {
  readonly level: LogLevel;
  /** `opened`, or the type of a {@link HealthEvent}. */
  readonly code: LogCode;
  /** Names of users are among them; never texts, nor keys. */
  readonly fields: LogFields;
}

/** A code of a {@link LogRecord}. */
export type LogCode = 'opened' | HealthEvent['type'];

/** Plain values only: no array or handle fits in. */
export type LogFields = Readonly<Record<string, string | number | boolean>>;

/** Takes records. What it throws is ignored: a log that fails ends no device. */
export type Logger = (record: LogRecord) => void;

/** Gives a record to a logger, where there is one, whatever becomes of it. */
export function tellLogger(logger: Logger | undefined, record: () => LogRecord): void {
  try {
    logger?.(record());
  } catch {
    // Nobody is left to tell.
  }
}

/** The record of an opening: whose device it is, how long its history is, and what waits. */
export function openedRecord(
  core: Pick<DeviceCore, 'log' | 'outbox' | 'inbox'>,
  { user, deviceId }: { readonly user: string; readonly deviceId: number },
): LogRecord {
  const waiting = { outbox: core.outbox().length, inbox: core.inbox().length };
  const fields = { user, deviceId, events: core.log.tip().seq, ...waiting };
  return { level: 'info', code: 'opened', fields };
}

/** The record of a health event. */
export function recordOf(event: HealthEvent): LogRecord {
  const record = (level: LogLevel, fields: LogFields = {}): LogRecord => ({
    level,
    code: event.type,
    fields,
  });
  switch (event.type) {
    case 'queueEmpty':
    case 'fresh':
      return record('debug');
    case 'connected':
    case 'disconnected':
    case 'renewed':
    case 'identitySucceeded':
      return record('info');
    case 'relayUnavailable':
    case 'relayPutBack':
      return record('warn');
    case 'shutOut':
      return record('error');
    case 'envelopeEnded':
      return record(levelOfEnd(event.end), endFields(event.end));
    case 'identityAdded':
      return record('info', whose(event));
    case 'identityChanged':
    case 'foreignKey':
      return record('warn', whose(event));
    case 'keyRepeated':
      return record('warn', { ...whose(event), envelopeId: event.envelopeId });
    case 'identityUnproven':
      return record('error', { reason: event.reason });
    case 'sendHeld':
      return record('warn', { ...ofSend(event), reason: event.reason });
    case 'sendReleased':
      return record('info', ofSend(event));
    case 'copyDead':
      return record('warn', { ...ofSend(event), ...whose(event), reason: event.reason });
    case 'trustFailed':
      return record('warn', { user: event.user, cause: codeOf(event.cause) });
    case 'handlerFailed':
      return record('warn', { messageId: event.messageId, cause: codeOf(event.cause) });
    case 'freshnessUnknown':
      return record('warn', event.since === undefined ? {} : { since: event.since });
    case 'headIgnored':
      return record('warn', { from: event.from });
    case 'rolledBack': {
      const { source, seenSeq, foundSeq, missingEvents, lostSends, lostMail } = event.notice;
      const { isQuarantined } = event.notice;
      const seqs = { seenSeq, foundSeq, missingEvents };
      return record('error', { source, ...seqs, lostSends, lostMail, isQuarantined });
    }
    case 'rotationHindered':
      return record('warn', { cause: event.code });
    case 'closed': {
      const { reason, cause } = event;
      return record(levelOfEnding(reason), { reason, ...(cause && { cause: cause.code }) });
    }
  }
}

function whose({ user, deviceId }: { user: string; deviceId?: number }): LogFields {
  return { user, ...(deviceId !== undefined && { deviceId }) };
}

function ofSend({ messageId, user }: { messageId: string; user: string }): LogFields {
  return { messageId, user };
}

function levelOfEnd({ state }: EnvelopeState): LogLevel {
  return state === 'dead' || state === 'resend-requested' ? 'warn' : 'debug';
}

function endFields(end: EnvelopeState): LogFields {
  return { state: end.state, ...('reason' in end && { reason: end.reason }) };
}

function levelOfEnding(reason: CloseReason): LogLevel {
  if (reason === 'closed') return 'info';
  return reason === 'storeFailed' || reason === 'rolledBack' ? 'error' : 'warn';
}

const CODE = /^[A-Z][A-Z0-9_]{1,40}$/;

/** The code of an error, such as `ENOSPC`; of an application's error nothing else is told. */
function codeOf(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return typeof code === 'string' && CODE.test(code) ? code : 'UNKNOWN';
}
