export { recordFold } from '@simsim/device-core';
export type { IdentityModel, RelayTransport } from '@simsim/relay-protocol';
export type { DataPut } from '@simsim/device-core';
export { Device } from './device.ts';
export type { DeviceParts } from './device-parts.ts';
export { createHttpTransport } from './http-transport.ts';
export type { Forgotten } from './forget-user.ts';
export type {
  CloseReason,
  DeviceStats,
  HealthEvent,
  IdentityDoubt,
  RollbackNotice,
} from './health.ts';
export { recordOf } from './logger.ts';
export type { LogCode, LogFields, Logger, LogLevel, LogRecord } from './logger.ts';
export type { AckOptions, Message } from './message.ts';
export type { DeviceOptions, LinkOptions, OpenOptions } from './open-device.ts';
export { linkDevice, openDevice } from './open-device.ts';
export type { ApproveOptions, DeviceInfo, RemoveOptions } from './own-devices.ts';
export type { Acceptance, RecipientReport, SendOptions, SendReport } from './send-desk.ts';
export type { Blame, SessionErrorCode } from './session-error.ts';
export { SessionError } from './session-error.ts';
export type { StoreParts, StoreSpec, VaultChoice } from './store-spec.ts';
export { memory, sqlite, vaultPathOf } from './store-spec.ts';
export { keepAll, RETENTION } from '@simsim/event-log';
export type { FlushPolicy, Retention, RetentionName } from '@simsim/event-log';
export { osKeychain } from '@simsim/event-log-sqlite';
export type { Keychain } from '@simsim/event-log-sqlite';
export { moveDeviceIn, moveDeviceOut } from './move-device.ts';
export type { DevicePlace, MoveDevice } from './move-device.ts';
export type { Identity, ShownIdentity, Trust, TrustAnswer, TrustQuestion } from './trust.ts';
export type { DoctorReport, Finding } from './doctor.ts';
export type { KeyReport, PeerDeviceReport, PeerReport, SessionReport } from './inspect.ts';
