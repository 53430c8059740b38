/** Who is measured, by name. */

import { invariant } from '@simsim/bytes';
import { nobleCrypto } from '@simsim/crypto/noble';
import { nodeCrypto } from '@simsim/crypto/node';
import { installPeer, libsignalClientPeer, loadPeer, ourPeer, PEERS } from '@simsim/interop';
import type { KnownPeer, Peer } from '@simsim/interop';
import type { WireVersion } from '@simsim/session';
import { olmPeer } from './olm-device.ts';

/** One implementation on one version of the wire. */
export interface Contender {
  readonly id: string;
  readonly version: WireVersion;
  /** Loads it. Throws where its package cannot be installed. */
  load(): Promise<Peer>;
}

/** Measured, but not spoken with: Olm's wire is its own, and this release is one of many. */
const BENCH_PEERS: readonly KnownPeer[] = [
  {
    id: 'olm@3.2.15',
    folder: 'olm-3.2.15',
    packageName: '@matrix-org/olm',
    versions: [3],
    isDefault: false,
    crossing: 'crossing in order',
    adapt: olmPeer,
  },
  {
    id: 'libsignal-client@0.60.2',
    folder: 'libsignal-client-0.60.2',
    packageName: '@signalapp/libsignal-client',
    versions: [3],
    isDefault: false,
    crossing: 'crossing in order',
    adapt: (module) =>
      libsignalClientPeer('libsignal-client@0.60.2', module, {
        hasKem: true,
        takesLocalAddress: false,
        identityUnchanged: false,
      }),
  },
];

const ours = (id: string, peer: () => Peer): Contender => ({
  id,
  version: 3,
  load: () => Promise.resolve(peer()),
});

const known = (id: string, version: WireVersion): Contender => ({
  id,
  version,
  async load() {
    const peer = [...PEERS, ...BENCH_PEERS].find((each) => each.id === id);
    invariant(peer !== undefined, `there is a peer called ${id}`);
    const failure = await installPeer(peer);
    if (failure !== undefined) throw new Error(`not installed: ${failure}`);
    return loadPeer(peer);
  },
});

/** All of them. */
export const CONTENDERS: readonly Contender[] = [
  ours('ours, node', () => ourPeer(nodeCrypto)),
  ours('ours, noble', () => ourPeer(nobleCrypto)),
  known('olm@3.2.15', 3),
  known('libsignal-client@0.60.2', 3),
  known('libsignal-client@0.103.0', 4),
  known('libsignal@6.0.0', 3),
  known('privacyresearch@0.0.16', 3),
];
