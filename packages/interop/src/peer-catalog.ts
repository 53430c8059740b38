/** The implementations we talk to, by number. */

import type { SessionPolicy, WireVersion } from '@simsim/session';
import { libsignalClientPeer } from './libsignal-client-device.ts';
import type { ClientRelease } from './libsignal-client-module.ts';
import { libsignalPeer } from './libsignal-device.ts';
import type { Peer } from './peer.ts';
import { privacyResearchPeer } from './privacyresearch-device.ts';
import type { Opening } from './schedule.ts';

/** One published package at one version. */
export interface KnownPeer {
  /** As the command takes it. */
  readonly id: string;
  /** Its folder below `peers/`, which pins it by a lockfile. */
  readonly folder: string;
  /** The name it is published under. */
  readonly packageName: string;
  /** The versions of the wire that it begins sessions in. */
  readonly versions: readonly WireVersion[];
  /** What has to be said to our sessions for this peer; most take the defaults. */
  readonly policy?: Partial<SessionPolicy>;
  /** Whether it writes service ids into its initiations. */
  readonly namesParties?: boolean;
  /** Whether it takes part when nobody asks for it by name. */
  readonly isDefault: boolean;
  /** How much of a simultaneous initiation it lives through; all of it if absent. */
  readonly crossing?: Exclude<Opening, 'one side'>;
  readonly adapt: (module: unknown) => Peer;
}

// A message for a session that it has closed destroys its open one: two of its own devices lose each
// other that way in every such conversation. It lives through a crossing after which nobody uses the
// session that lost.
const libsignal: KnownPeer = {
  id: 'libsignal@6.0.0',
  folder: 'libsignal-6.0.0',
  packageName: 'libsignal',
  versions: [3],
  isDefault: true,
  crossing: 'crossing in order',
  adapt: (module) => libsignalPeer('libsignal@6.0.0', module),
};

// As above, but only where a late message of the crossing comes after answers to later ones.
const privacyResearch: KnownPeer = {
  id: 'privacyresearch@0.0.16',
  folder: 'privacyresearch-0.0.16',
  packageName: '@privacyresearch/libsignal-protocol-typescript',
  versions: [3],
  isDefault: false,
  crossing: 'crossing in order',
  adapt: (module) => privacyResearchPeer('privacyresearch@0.0.16', module),
};

type ClientOptions = Pick<KnownPeer, 'versions' | 'isDefault' | 'policy' | 'namesParties'> &
  ClientRelease;

function libsignalClient(number: string, options: ClientOptions): KnownPeer {
  const id = `libsignal-client@${number}`;
  return {
    ...options,
    id,
    folder: `libsignal-client-${number}`,
    packageName: '@signalapp/libsignal-client',
    adapt: (module) => libsignalClientPeer(id, module, options),
  };
}

/** In the order of the table. */
export const PEERS: readonly KnownPeer[] = [
  libsignal,
  privacyResearch,
  libsignalClient('0.22.0', {
    versions: [3],
    isDefault: false,
    hasKem: false,
    takesLocalAddress: false,
    identityUnchanged: false,
  }),
  // Knows no post-quantum ratchet: version 4 is PQXDH alone.
  libsignalClient('0.72.1', {
    versions: [3, 4],
    policy: { pqRatchet: 'off' },
    isDefault: true,
    hasKem: true,
    takesLocalAddress: false,
    identityUnchanged: 0,
  }),
  // Still negotiates whether there is a post-quantum ratchet.
  libsignalClient('0.90.0', {
    versions: [4],
    policy: { pqRatchet: 'optional' },
    isDefault: false,
    hasKem: true,
    takesLocalAddress: false,
    identityUnchanged: 0,
  }),
  libsignalClient('0.103.0', {
    versions: [4],
    namesParties: true,
    isDefault: true,
    hasKem: true,
    takesLocalAddress: true,
    identityUnchanged: 0,
  }),
];
