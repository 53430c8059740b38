/** What a device does at a relay before it speaks, for worlds with a shell of their own. */

export { proveDevice } from './prove.ts';
export type { ProvingDevice } from './proving-device.ts';
export { publish, succeed } from './succession.ts';
export { checkKeys, uploadFor, uploadKeys } from './uploads.ts';
