/** Relays that push wrongly, or whose memory is too long or too short. Each must be caught. */

import type { LineListener, ServerFrame } from '@simsim/relay-protocol';
import type { RelaySaboteur, Sabotage } from './detours.ts';
import { framing, lining } from './detours.ts';

/** Frames are left out, by what they are and what came before on their line. */
function leavingOut(
  isLeftOut: (frame: ServerFrame, before: readonly ServerFrame[]) => boolean,
): Sabotage {
  return framing(() => {
    const before: ServerFrame[] = [];
    return (frame) => {
      const isGone = isLeftOut(frame, before);
      before.push(frame);
      return isGone ? [] : [frame];
    };
  });
}

/** Of what is pushed. */
export const LINE_SABOTEURS: readonly RelaySaboteur[] = [
  {
    name: 'says that the queue is empty after each frame',
    caughtBy: ['a line brings what waits in order, then says once that the queue is empty'],
    sabotage: framing(
      () => (frame) => (frame.kind === 'envelopes' ? [frame, { kind: 'queueEmpty' }] : [frame]),
    ),
  },
  {
    name: 'pushes the newest mail first',
    caughtBy: ['a line brings what waits in order, then says once that the queue is empty'],
    sabotage: framing(
      () => (frame) =>
        frame.kind === 'envelopes'
          ? [{ ...frame, envelopes: frame.envelopes.toReversed() }]
          : [frame],
    ),
  },
  {
    name: 'says nothing of an empty queue',
    caughtBy: [
      'a line of an empty mailbox says that at once',
      'a line brings what waits in order, then says once that the queue is empty',
    ],
    sabotage: leavingOut(({ kind }) => kind === 'queueEmpty'),
  },
  {
    name: 'pushes nothing after what waited',
    caughtBy: ['mail is pushed as it is posted, to the device it is for'],
    sabotage: leavingOut(
      (frame, before) =>
        frame.kind === 'envelopes' && before.some(({ kind }) => kind === 'queueEmpty'),
    ),
  },
  {
    name: 'pushes everything to everybody',
    caughtBy: ['mail is pushed as it is posted, to the device it is for'],
    sabotage: lining(() => {
      const listeners: LineListener[] = [];
      return (listener) => {
        listeners.push(listener);
        const tell = (frame: ServerFrame): void => {
          for (const each of frame.kind === 'envelopes' ? listeners : [listener]) {
            each.onFrame(frame);
          }
        };
        return {
          line: (line) => line,
          listener: {
            onUp: () => listener.onUp(),
            onDown: (end) => listener.onDown(end),
            onFrame: tell,
          },
        };
      };
    }),
  },
  {
    name: 'forgets what it pushed',
    caughtBy: [
      'what was not acknowledged comes again with the next line, and nothing else',
      'a line stops at 256 unacknowledged and goes on after an acknowledgement',
    ],
    sabotage: lining(() => (listener) => {
      let acknowledge: (seqs: readonly number[]) => void = () => undefined;
      return {
        line(line) {
          acknowledge = (seqs) => line.acknowledge(seqs);
          return line;
        },
        listener: {
          onUp: () => listener.onUp(),
          onDown: (end) => listener.onDown(end),
          onFrame(frame) {
            listener.onFrame(frame);
            if (frame.kind === 'envelopes') acknowledge(frame.envelopes.map(({ seq }) => seq));
          },
        },
      };
    }),
  },
  {
    name: 'hears no acknowledgement on a line',
    caughtBy: [
      'what was not acknowledged comes again with the next line, and nothing else',
      'a line stops at 256 unacknowledged and goes on after an acknowledgement',
    ],
    sabotage: lining(() => (listener) => ({
      listener,
      line: (line) => ({
        acknowledge: () => undefined,
        close: () => line.close(),
        drop: () => line.drop(),
      }),
    })),
  },
  {
    name: 'leaves the first line of a device open',
    caughtBy: [
      'a second line of a device ends the first, and gets the mail',
      'a removed device is nobody from then on',
      'a line without a good token is refused',
    ],
    sabotage: lining(() => (listener) => ({
      line: (line) => line,
      listener: {
        onUp: () => listener.onUp(),
        onFrame: (frame) => listener.onFrame(frame),
        onDown: () => undefined,
      },
    })),
  },
  {
    name: 'does not say why a line ends',
    caughtBy: [
      'a line without a good token is refused',
      'a second line of a device ends the first, and gets the mail',
    ],
    sabotage: lining(() => (listener) => ({
      line: (line) => line,
      listener: {
        onUp: () => listener.onUp(),
        onFrame: (frame) => listener.onFrame(frame),
        onDown: () => listener.onDown('lost'),
      },
    })),
  },
  {
    name: 'says nothing of prekeys',
    caughtBy: ['a device hears that its prekeys are few, when it comes and when one goes'],
    sabotage: leavingOut(({ kind }) => kind === 'keysLow'),
  },
  {
    name: 'says once that prekeys are few',
    caughtBy: ['a device hears that its prekeys are few, when it comes and when one goes'],
    sabotage: leavingOut(
      ({ kind }, before) => kind === 'keysLow' && before.some((frame) => frame.kind === kind),
    ),
  },
];

/** Of what lasts. */
export const LASTING_SABOTEURS: readonly RelaySaboteur[] = [
  {
    name: 'never forgets',
    caughtBy: [
      'a nonce ends after five minutes',
      'what is left for a link is there for ten minutes',
      'mail says how long it waited, and goes after thirty days',
    ],
    sabotage: (hooks) => ({ ...hooks, passTime: () => Promise.resolve() }),
  },
  {
    name: 'forgets too early',
    caughtBy: [
      'a nonce ends after five minutes',
      'what is left for a link is there for ten minutes',
      'mail says how long it waited, and goes after thirty days',
      'an accepted post and an answered claim are remembered for so long',
    ],
    sabotage(hooks) {
      const { passTime } = hooks;
      if (passTime === undefined) return hooks;
      return { ...hooks, passTime: (relay, ms) => passTime(relay, ms * 2) };
    },
  },
  {
    name: 'starts afresh after a kill',
    caughtBy: [
      'mail that was taken is there after a kill, once',
      'a key that was given is not given again after a kill',
      'whom a relay knew it knows after a kill',
    ],
    sabotage(hooks) {
      const { make, kill } = hooks;
      if (kill === undefined) return hooks;
      return {
        ...hooks,
        async kill(relay) {
          await relay.stop();
          return make();
        },
      };
    },
  },
];
