/** What an adversary may know, decided by the closure of what it took. Symbolic runs only. */

import type { EnvelopeId } from '@simsim/relay-protocol';
import type { Knowledge } from '../symbolic/index.ts';
import type { Adversary, SeizedDevice, Seizure } from '../world/adversary.ts';
import type { Envelope, Ledger, Read } from '../world/ledger.ts';
import type { WatchedWorld } from './watched-world.ts';
import type { Invariant } from './invariant.ts';

/**
 * P1. Keys of both halves count, the classical and the post-quantum one: each is to be forward secret by
 * itself. Where a session used up no one-time prekey, what is handed out again and again still leads to
 * its first messages, as X3DH says, and to the post-quantum half of the later ones. A state that lives in
 * a copy, or was put back, still has what it had.
 */
export const P1: Invariant = {
  id: 'P1',
  statement: 'files whose vaults have followed do not lead to the keys of messages read before',
  watch(world) {
    return {
      *seized({ of, files }) {
        if (of.some(({ seq, erasedSeq }) => erasedSeq < seq)) return;
        for (const read of opened(world, files)) yield describe(of, read);
      },
    };
  },
};

/** P2. The window is what the vault has not followed yet, which retention bounds. */
export const P2: Invariant = {
  id: 'P2',
  statement:
    'files lead to no key of a message that was replaced before the window of their policy',
  watch(world) {
    return {
      *seized({ of, files }) {
        for (const read of opened(world, files)) {
          if (!isWithin(of, read, ({ erasedSeq }) => erasedSeq)) yield describe(of, read);
        }
      },
    };
  },
};

/** P6. The window is one period of the vault's master key, given that the keychain forgets the old one. */
export const P6: Invariant = {
  id: 'P6',
  statement:
    'a medium that keeps every block leads no further back than the last rotation that ended',
  watch(world) {
    return {
      *seized({ of, medium }) {
        if (medium === undefined) return;
        for (const read of opened(world, medium)) {
          if (!isWithin(of, read, ({ rotatedSeq }) => rotatedSeq)) yield describe(of, read);
        }
      },
    };
  },
};

/** Messages whose keys somebody knows who should not, unless the window allows it. */
function* opened({ ledger, adversary }: WatchedWorld, knows: Knowledge): Generator<Read> {
  if (adversary === undefined) return;
  const { firstChains } = ledger;
  for (const read of ledger.reads) {
    const { envelope, atMs } = read;
    const [key, ...halves] = adversary.keysOf(envelope.content).map((each) => knows.has(each));
    const isOpen = key === true || (halves.includes(true) && !firstChains.isBetween(envelope));
    if (!isOpen || firstChains.has(envelope.content)) continue;
    if (!isDoubled(ledger, envelope, atMs)) yield read;
  }
}

/** Whether one of the devices had not erased the key yet: how far it had is what `erasedSeq` answers. */
function isWithin(
  of: readonly SeizedDevice[],
  { address, envelope, seq, sentSeq }: Read,
  erasedSeq: (device: SeizedDevice) => number,
): boolean {
  return of.some((device) => {
    const isReader = device.address === address && (seq === undefined || seq > erasedSeq(device));
    const isSender =
      device.address === envelope.from && (sentSeq === undefined || sentSeq > erasedSeq(device));
    return isReader || isSender;
  });
}

function describe(of: Seizure['of'], { by, envelope }: Read): string {
  const labels = of.map(({ label }) => label).join();
  return `the files of ${labels} open what ${by} read, sent by ${envelope.from}`;
}

/** Whether a message was on its way while the state of one of its ends lived twice. */
function isDoubled({ doubled }: Ledger, { from, to, atMs }: Envelope, readMs: number): boolean {
  return doubled.some(
    ({ address, sinceMs, untilMs }) =>
      (address === from || address === to) &&
      readMs >= sinceMs &&
      (untilMs === undefined || atMs <= untilMs),
  );
}

/** P4. */
export const P4: Invariant = {
  id: 'P4',
  statement: 'all that ever crossed the wire leads to no message key',
  watch({ adversary, ledger }) {
    if (adversary === undefined) return {};
    return {
      *rested() {
        for (const [envelopeId, { content }] of ledger.envelopes) {
          if (isKnown(adversary, content))
            yield `the wire opens ${envelopeId satisfies EnvelopeId}`;
        }
      },
    };
  },
};

function isKnown(adversary: Adversary, content: Uint8Array): boolean {
  return adversary.keysOf(content).some((key) => adversary.wire.has(key));
}
