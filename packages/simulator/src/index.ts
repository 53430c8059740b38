export { Dice } from './dice.ts';
export { ownDevice, proveDevice } from './device/prove.ts';
export type { ProvingDevice, Standing } from './device/prove.ts';
export { checkKeys, keysOf, uploadFor, uploadKeys } from './device/uploads.ts';
