/** Verifying one log: the chain always, the projections where the vault opens. */

import { nodeCrypto } from '@simsim/crypto/node';
import { rebuildProjections, verifyChain } from '@simsim/event-log';
import { recordFold } from '@simsim/device';
import type { Difference, EventReader } from '@simsim/event-log';
import type { VaultKey } from '@simsim/event-log-sqlite';
import { openEvents, openVaultBeside, vaultRefusalText } from './log-files.ts';
import type { VaultAccess } from './log-files.ts';

/** What was found out about a log. */
export interface LogVerdict {
  readonly path: string;
  readonly ok: boolean;
  readonly events: number;
  readonly streams: number;
  /** Rows of every projection that were rebuilt from events and compared; absent without a vault. */
  readonly rebuiltRows?: number;
  /** The first event that is not what was written. */
  readonly badSeq?: number;
  /** What is wrong, one sentence each. */
  readonly faults: readonly string[];
  /** Why the projections, or the records among them, were not rebuilt. */
  readonly unchecked?: string;
}

/** How a log is verified. */
export interface VerifyLogOptions {
  readonly key: VaultKey;
  readonly onProgress?: (seq: number) => void;
}

/** Differences that are named; the rest is counted. */
const NAMED_MAX = 10;

/** Verifies. Throws: CliError where there is nothing to verify. */
export function verifyLog(path: string, options: VerifyLogOptions): LogVerdict {
  // The vault first: it may only ever lag behind the events that are read after it.
  const access = openVaultBeside(path, options.key);
  const reader = openEvents(path);
  try {
    return verifyWith({ path, access, reader, options });
  } finally {
    reader.close();
    if (access.kind === 'open') access.vault.close();
  }
}

interface Verifying {
  readonly path: string;
  readonly access: VaultAccess;
  readonly reader: EventReader;
  readonly options: VerifyLogOptions;
}

function verifyWith({ path, access, reader, options }: Verifying): LogVerdict {
  const { onProgress } = options;
  const chain = verifyChain(reader, nodeCrypto, {
    ...(access.kind === 'open' ? { anchor: access.vault.anchor() } : {}),
    ...(onProgress === undefined ? {} : { onProgress }),
  });
  if (!chain.ok) {
    const { code, seq, detail } = chain.error;
    const isEvent = code === 'EVENT_DAMAGED' || code === 'EVENT_MISSING';
    return {
      path,
      ok: false,
      events: reader.tip().seq,
      streams: 0,
      faults: [`${code}: ${detail}`],
      ...(isEvent || code === 'ANCHOR_WRONG' ? { badSeq: seq } : {}),
    };
  }
  const { tip, streams } = chain.value;
  const proved = { path, ok: true, events: tip.seq, streams, faults: [] };
  if (access.kind === 'missing') return { ...proved, unchecked: 'there is no vault beside it' };
  if (access.kind === 'refused') {
    const { refusal } = access;
    // A vault that is locked proves nothing; one that is damaged or of another log is a fault.
    if (refusal.code === 'VAULT_WRONG_KEY') {
      return { ...proved, unchecked: 'the vault needs its key' };
    }
    return { ...proved, ok: false, faults: [vaultRefusalText(refusal)] };
  }
  const { vault } = access;
  const parts = { reader, vault, crypto: nodeCrypto, fold: recordFold };
  const rebuilt = reader.snapshot(() => rebuildProjections(parts));
  const { differences } = rebuilt;
  const firstEvent = differences.find(({ table }) => table === 'event');
  return {
    ...proved,
    ok: differences.length === 0,
    rebuiltRows:
      rebuilt.streams * 2 + rebuilt.seenRuns + (rebuilt.records ?? 0) + rebuilt.liveStates,
    faults: describeDifferences(differences),
    ...(firstEvent === undefined ? {} : { badSeq: Number(firstEvent.key) }),
    ...(rebuilt.unknownAt === undefined ? {} : { unchecked: unknownText(rebuilt.unknownAt) }),
  };
}

function unknownText(seq: number): string {
  return `records were not compared: event ${seq} is of a later release`;
}

function describeDifferences(differences: readonly Difference[]): readonly string[] {
  const named = differences
    .slice(0, NAMED_MAX)
    .map(({ table, key, detail }) => `${table} ${key}: ${detail}`);
  const rest = differences.length - named.length;
  return rest > 0 ? [...named, `and ${rest} more differences`] : named;
}
