export type {
  Committed,
  CommitRefusal,
  DataUpdate,
  DraftEvent,
  EventLog,
  Forgotten,
  ForgetScope,
  ForgetRefusal,
  InboxEntry,
  InboxPut,
  LogBatch,
  LogEvent,
  NamedUpdate,
  OutboxEntry,
  OutboxPut,
  OutboxRetry,
  RollbackReport,
  SealedState,
  StreamHead,
} from './event-log.ts';
export { createEventLog, openEventLog } from './open-log.ts';
export type { LogOptions, LogParts } from './open-log.ts';
export { keepAll, RETENTION, retentionOf } from './retention.ts';
export type { FlushPolicy, Retention, RetentionName } from './retention.ts';
export type { LogSabotage } from './log-state.ts';
export type {
  CommitAnswer,
  EventReader,
  EventRow,
  EventStore,
  HeadChange,
  HeadRow,
  InboxRow,
  NamedChange,
  NamedRow,
  OutboxRow,
  SeenRun,
  ShrunkPart,
  StoreChange,
  StreamRow,
  Tip,
} from './event-store.ts';
export { createMemoryStore } from './memory-store.ts';
export type { MemorySnapshot, MemoryStore } from './memory-store.ts';
export type { Anchor, SlotAssignment, SlotState, SlotUse, Vault, VaultReader } from './vault.ts';
export { createMemoryVault, LOG_ID_BYTES } from './memory-vault.ts';
export type { MemoryVault, MemoryVaultOptions } from './memory-vault.ts';
export { createSlotVault, createSlotVaultReader, createVaultImage } from './slot-vault.ts';
export type { SlotVaultParts, VaultImage, VaultMedium, VaultPage } from './slot-vault.ts';
export { SLOT_PAGE_BYTES } from './slot-page.ts';
export type { FixedKeys, NamedValue } from './metadata-box.ts';
export { LAG_EVENTS_MAX, NAME_BYTES_MAX, VALUE_BYTES_MAX, VAULT_PAGES_MAX } from './limits.ts';
export { genesisHash } from './chain.ts';
export { readRowCounts } from './row-counts.ts';
export type { RowCounts } from './row-counts.ts';
export { encodeMoved, isMoved, laterFormat, LOG_FORMAT, nextStep } from './log-meta.ts';
export { NO_CHANGE } from './event-store.ts';
export { verifyChain } from './verify-chain.ts';
export type { ChainFault, VerifiedChain, VerifyOptions } from './verify-chain.ts';
export { rebuildProjections } from './rebuild.ts';
export type { OpenedRows } from './open-rows.ts';
export type { Difference } from './difference.ts';
export type { PostsInFlight, RebuildParts, Rebuilt, RecordFold } from './rebuild.ts';
export { stateAt } from './time-travel.ts';
export type { Timelined } from './time-travel.ts';
export { createLogReader } from './log-reader.ts';
export type { LogReader, LogReaderParts } from './log-reader.ts';
export { failStore, StoreFailure } from './refusal.ts';
export type { LeaseHolder, StoreRefusal, StoreRefusalCode } from './refusal.ts';
export type { Chaos, ChaosSite } from './chaos.ts';
