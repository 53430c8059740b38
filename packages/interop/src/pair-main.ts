/** The process behind one row; see `pair-job.ts`. */

import { nobleCrypto } from '@simsim/crypto/noble';
import { nodeCrypto } from '@simsim/crypto/node';
import { loadModule } from './installed-peer.ts';
import { ourPeer } from './our-device.ts';
import { playPair } from './pair.ts';
import type { PairJob, PairOutcome } from './pair-job.ts';
import { PEERS } from './peer-catalog.ts';

async function play({ peer: id, version, role, seed }: PairJob): Promise<PairOutcome> {
  const peer = PEERS.find((known) => known.id === id);
  if (peer === undefined) return { crash: `no peer ${id}` };
  // Peers print sessions and stacks at every refusal; refusals are asked for here by the hundred.
  for (const method of ['log', 'info', 'warn', 'error'] as const) console[method] = () => undefined;
  let module: unknown;
  try {
    module = loadModule(peer);
  } catch (cause) {
    return { unavailable: oneLine(cause) };
  }
  const options = peer.policy === undefined ? {} : { policy: peer.policy };
  const native = ourPeer(nodeCrypto, options);
  const saved = ourPeer(nodeCrypto, { ...options, savesSessions: true });
  const portable = ourPeer(nobleCrypto, options);
  const inTurn = [native, saved, native, saved, portable];
  return playPair({
    ours: (session) => inTurn[session % inTurn.length] ?? native,
    theirs: peer.adapt(module),
    crossing: peer.crossing ?? 'crossing',
    version,
    hasPqRatchet: version === 4 && peer.policy?.pqRatchet !== 'off',
    theyNameParties: peer.namesParties ?? false,
    role,
    seed,
  });
}

function oneLine(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return (text.split('\n')[0] ?? '').slice(0, 200);
}

/** Its own parent wrote it. */
function isJob(value: unknown): value is PairJob {
  return typeof value === 'object' && value !== null && 'peer' in value;
}

function answer(outcome: PairOutcome): void {
  // A native library may keep the process alive, so it ends once the answer has left.
  process.send?.(outcome, () => process.exit());
}

const job: unknown = JSON.parse(process.argv[2] ?? 'null');
if (isJob(job)) {
  play(job).then(answer, (cause: unknown) => {
    answer({ crash: oneLine(cause) });
  });
}
