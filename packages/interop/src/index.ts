export type { WireVersion } from '@simsim/session';
export { installPeer, loadPeer } from './installed-peer.ts';
export { libsignalClientPeer } from './libsignal-client-device.ts';
export { ourPeer } from './our-device.ts';
export type { KnownPeer } from './peer-catalog.ts';
export { PEERS } from './peer-catalog.ts';
export type { Bundle, Device, Letter, Peer, PublishOptions, Refusal, SignedKey } from './peer.ts';
export { attempt, hasMembers } from './peer.ts';
