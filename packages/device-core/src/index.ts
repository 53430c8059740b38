export type { DataPut } from './batch.ts';
export type {
  AcknowledgedInput,
  CoreChaos,
  CoreInput,
  CoreOutcome,
  DeviceCoreOptions,
  RunLimit,
  RunResult,
} from './device-core.ts';
export { DeviceCore } from './device-core.ts';
export type { ForgetProgress, ForgottenHistory } from './forget-history.ts';
export type { OutboxItem } from './outbox-codec.ts';
export { decodeOutboxItem, encodeOutboxItem } from './outbox-codec.ts';
export { decodeInboxItem, encodeInboxItem } from './inbox-codec.ts';
export type { CachedStream } from './stream-cache.ts';
export { StreamCache } from './stream-cache.ts';
export { recordFold, recordFoldOf } from './record-fold.ts';
export type { RecordsByName } from './record-fold.ts';
