/** The child's end of the channel to the coordinator. */

import { errorText } from '../cli-error.ts';
import { decodeWorkerMessage, handlerOf } from './worker-codec.ts';
import type { CallHandlers, CallTable, WorkerMessage } from './worker-codec.ts';

/**
 * Answers calls until the coordinator is gone, and ends this process then: a child never outlives
 * it. Interrupts are the coordinator's business, so this process does not listen to them.
 */
export function serveCoordinator<Calls extends CallTable>(handlers: CallHandlers<Calls>): void {
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => undefined);
  process.on('disconnect', () => process.exit(0));
  process.on('message', (value) => {
    const message = decodeWorkerMessage(value);
    if (message?.kind === 'call') void answer(handlers, message);
  });
}

/** Tells the coordinator something it did not ask for. */
export function emit(event: unknown): void {
  send({ kind: 'event', event });
}

async function answer<Calls extends CallTable>(
  handlers: CallHandlers<Calls>,
  { id, name, ask }: Extract<WorkerMessage, { kind: 'call' }>,
): Promise<void> {
  try {
    const handler = handlerOf(handlers, name);
    if (handler === undefined) throw new Error(`no call named ${name}`);
    send({ kind: 'answer', id, answer: await handler(ask) });
  } catch (error) {
    send({ kind: 'failure', id, message: errorText(error) });
  }
}

function send(message: WorkerMessage): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}
