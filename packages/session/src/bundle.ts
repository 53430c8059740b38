/** A peer's published keys and which version of a session they allow. */

import type { Result } from '@simsim/bytes';
import { err, ok } from '@simsim/bytes';
import type { PeerPreKeys } from '@simsim/key-agreement';
import type { SessionRejection } from './rejection.ts';
import type { ResolvedOptions } from './session-options.ts';
import type { WireVersion } from './wire.ts';

/** A peer device's published keys as its relay answered them. Nothing in it is trusted. */
export interface PreKeyBundle {
  /** 32 bytes. */
  readonly identityKey: Uint8Array;
  readonly registrationId: number;
  readonly signedPreKey: {
    readonly id: number;
    readonly publicKey: Uint8Array;
    /** 64 bytes over the 33-byte encoded key. */
    readonly signature: Uint8Array;
  };
  readonly oneTimePreKey?: { readonly id: number; readonly publicKey: Uint8Array };
  /** One-time or last-resort; with it the session is of version 4. */
  readonly kemPreKey?: {
    readonly id: number;
    /** 1568 bytes, Kyber-1024. */
    readonly publicKey: Uint8Array;
    /** 64 bytes over the 1569-byte encoded key. */
    readonly signature: Uint8Array;
  };
}

/**
 * The version of a session that one end asks for or proposes while the bundle offers another.
 *
 * Rejects: `VERSION_TOO_LOW`, `DOWNGRADE`.
 */
export function checkVersion(
  { version, offered }: { readonly version: WireVersion; readonly offered: WireVersion },
  { policy, defect }: ResolvedOptions,
): Result<WireVersion, SessionRejection> {
  if (version < policy.minimumVersion) return err({ code: 'VERSION_TOO_LOW', version });
  const isDowngrade = version < offered && policy.downgrade === 'refuse';
  return isDowngrade && defect !== 'takes-downgrade' ? err({ code: 'DOWNGRADE' }) : ok(version);
}

/** What a key agreement looks at. */
export function preKeysOf(bundle: PreKeyBundle): PeerPreKeys {
  return {
    identityKey: bundle.identityKey,
    signedPreKey: bundle.signedPreKey.publicKey,
    signature: bundle.signedPreKey.signature,
    oneTimePreKey: bundle.oneTimePreKey?.publicKey,
    kemPreKey: bundle.kemPreKey,
  };
}
