/**
 * What the coordinator and its child processes say to each other: calls that are answered, and
 * events that are not. Both ends are the same release, so a message is checked for its outline only.
 */

/** The calls of a kind of worker: what is asked and what is answered, by name. */
export type CallTable = Readonly<
  Record<string, { readonly ask: unknown; readonly answer: unknown }>
>;

/** A message between the two. */
export type WorkerMessage =
  | { readonly kind: 'call'; readonly id: number; readonly name: string; readonly ask: unknown }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly message: string }
  | { readonly kind: 'event'; readonly event: unknown };

/** Functions that answer the calls of a table. */
export type CallHandlers<Calls extends CallTable> = {
  readonly [Name in keyof Calls]: (
    ask: Calls[Name]['ask'],
  ) => Promise<Calls[Name]['answer']> | Calls[Name]['answer'];
};

const KINDS: readonly unknown[] = ['call', 'answer', 'failure', 'event'];

/** Reads a message; `undefined` for anything else that came along. */
export function decodeWorkerMessage(value: unknown): WorkerMessage | undefined {
  const isMessage =
    typeof value === 'object' && value !== null && 'kind' in value && KINDS.includes(value.kind);
  return isMessage ? (value as WorkerMessage) : undefined;
}

/** The answer to a call of this name, as its handler gave it. */
export function asAnswer<Calls extends CallTable, Name extends keyof Calls>(
  answer: unknown,
): Calls[Name]['answer'] {
  return answer as Calls[Name]['answer'];
}

/** An event, as the worker emitted it. */
export function asEvent<Event>(event: unknown): Event {
  return event as Event;
}

/** The handler of a call as its caller sent it; `undefined` where there is none of that name. */
export function handlerOf<Calls extends CallTable>(
  handlers: CallHandlers<Calls>,
  name: string,
): ((ask: unknown) => unknown) | undefined {
  return Object.hasOwn(handlers, name)
    ? (handlers[name as keyof Calls] as (ask: unknown) => unknown)
    : undefined;
}
