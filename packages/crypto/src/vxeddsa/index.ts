export type { VrfProof, Vxeddsa } from './vxeddsa.ts';
export { vxed25519, vxed448 } from './vxeddsa.ts';
