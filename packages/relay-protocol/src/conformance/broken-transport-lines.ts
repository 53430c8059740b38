/** Transports whose lines break a promise. Each must be caught. */

import type { ServerFrame } from '../frame.ts';
import { ACKS_MAX } from '../limits.ts';
import type { LineEnd, LineListener } from '../relay-transport.ts';
import type { TransportSaboteur } from './reroutes.ts';
import { bound, lining, listening, through } from './reroutes.ts';

/** Of lines. */
export const LINE_SABOTEURS: readonly TransportSaboteur[] = [
  {
    name: 'says late that a line is up',
    caughtBy: ['a line is up before anything comes, and frames come in order'],
    sabotage: listening((listener) => {
      let isUp = false;
      return {
        ...listener,
        onUp: () => undefined,
        onFrame(frame) {
          listener.onFrame(frame);
          if (!isUp) listener.onUp();
          isUp = true;
        },
      };
    }),
  },
  {
    name: 'swaps frames',
    caughtBy: [
      'a line is up before anything comes, and frames come in order',
      'frames that come faster than they are taken all come',
    ],
    sabotage: listening((listener) => {
      let held: ServerFrame | undefined;
      return {
        ...listener,
        onFrame(frame) {
          const before = held;
          held = before === undefined ? frame : undefined;
          if (before === undefined) return;
          listener.onFrame(frame);
          listener.onFrame(before);
        },
      };
    }),
  },
  {
    name: 'drops frames when there are many',
    caughtBy: ['frames that come faster than they are taken all come'],
    sabotage: listening((listener) => {
      let count = 0;
      return {
        ...listener,
        onFrame: (frame) => (count++ < 100 ? listener.onFrame(frame) : undefined),
      };
    }),
  },
  {
    name: 'uses one piece of memory for all frames',
    caughtBy: ['frames that come faster than they are taken all come'],
    sabotage: listening((listener) => {
      const memory = new Uint8Array(1024 * 1024);
      return {
        ...listener,
        onFrame(frame) {
          if (frame.kind !== 'envelopes') return listener.onFrame(frame);
          const envelopes = frame.envelopes.map((one) => {
            memory.set(one.content);
            return { ...one, content: memory.subarray(0, one.content.length) };
          });
          return listener.onFrame({ kind: 'envelopes', envelopes });
        },
      };
    }),
  },
  {
    name: 'sends so many acknowledgements and no more',
    caughtBy: ['acknowledgements arrive in order, however many there are'],
    sabotage: lining((line) => ({
      ...line,
      acknowledge: (seqs) => line.acknowledge(seqs.slice(0, ACKS_MAX)),
    })),
  },
  {
    name: 'does not say why a line ends',
    caughtBy: ['why a relay ends a line is told, once, after what it said'],
    sabotage: listening((listener) => ({ ...listener, onDown: () => listener.onDown('lost') })),
  },
  {
    name: 'says twice that a line ends',
    caughtBy: [
      'why a relay ends a line is told, once, after what it said',
      'a line that breaks says so once, and the next is told again',
      'a line ends with the first frame that is none',
    ],
    sabotage: listening((listener) => ({
      ...listener,
      onDown(end: LineEnd) {
        listener.onDown(end);
        listener.onDown('lost');
      },
    })),
  },
  {
    name: 'closes a line before its last words',
    caughtBy: ['a line that is let go of says its last to the relay, and nothing to its device'],
    sabotage: lining((line) => ({
      ...line,
      close: () => line.drop(),
      acknowledge: () => undefined,
    })),
  },
  {
    name: 'tells a device of lines that it let go of',
    caughtBy: [
      'a line that is let go of says its last to the relay, and nothing to its device',
      'a line that is dropped is heard no more',
    ],
    sabotage: through(({ ask, connect }) => ({
      ask,
      connect(token, listener) {
        const line = connect(token, listener);
        const late = (): void => listener.onDown('lost');
        return {
          acknowledge: (seqs) => line.acknowledge(seqs),
          close: () => (line.close(), late()),
          drop: () => (line.drop(), late()),
        };
      },
    })),
  },
  {
    name: 'keeps lines that were let go of',
    caughtBy: [
      'a line that is let go of says its last to the relay, and nothing to its device',
      'a line that is dropped is heard no more',
    ],
    sabotage: lining((line) => ({ ...line, close: () => undefined, drop: () => undefined })),
  },
  {
    name: 'tells every device everything',
    caughtBy: ['lines of several devices do not mix'],
    sabotage: through(({ ask, connect }) => {
      const listeners: LineListener[] = [];
      return {
        ask,
        connect(token, listener) {
          listeners.push(listener);
          const onFrame = (frame: ServerFrame): void => {
            for (const each of listeners) each.onFrame(frame);
          };
          return connect(token, { ...bound(listener), onFrame });
        },
      };
    }),
  },
];
