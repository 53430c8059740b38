/** A running relay: one file, one port, one process. */

import type { Server } from 'node:http';
import { isIP } from 'node:net';
import { performance } from 'node:perf_hooks';
import { nodeCrypto, nodeEntropy } from '@simsim/crypto/node';
import { LATENCY_MAX_MS, WEBSOCKET_PATH } from '@simsim/relay-protocol';
import { WebSocketServer } from 'ws';
import { MAILBOX_BYTES_MAX, MAILBOX_COUNT_MAX } from '../core/limits.ts';
import type { Expiry, RelayStore } from '../core/store.ts';
import { openSqliteStore } from '../sqlite/sqlite-store.ts';
import { Connections } from './connections.ts';
import { tokenHashOf } from './credential.ts';
import type { Chaos } from './group-commit.ts';
import { createGroupCommit } from './group-commit.ts';
import { createHttpServer } from './http-server.ts';
import type { LogLevel } from './log.ts';
import type { Rate } from './token-bucket.ts';
import { RateLimit } from './token-bucket.ts';

/** How often open sockets are pinged; one that misses a ping is ended. */
const ALIVE_CHECK_MS = 30_000;
/** How often nonces and links are removed that expired: a flood of them ends with their life. */
const EXPIRE_MS = 60_000;
/** How often old rows are removed; the first time after so long, so that a clock that was wrong is set by then. */
const PRUNE_MS = 60 * 60 * 1000;
/** A clock that goes ahead by more than this at once was set, or the machine slept: a round is left out. */
const CLOCK_JUMP_MS = 60 * 60 * 1000;
/** Bytes of a frame from a device: 4096 acknowledgements at most. */
const FRAME_BYTES_MAX = 64 * 1024;

/**
 * How fast one device may claim keys of one user, unless told otherwise: 120 at once, 60 a minute.
 * A device claims once per new session; only a drain of somebody's one-time keys gets near (X3-30).
 */
export const CLAIM_RATE: Rate = { burst: 120, perMinute: 60 };

/** How fast one device may leave links, of half a megabyte: as many as a user has devices, then two a minute. */
const LINK_RATE: Rate = { burst: 16, perMinute: 2 };

/** How to start a relay. */
export interface RelayOptions {
  /** Path of the SQLite file; made if it is not there. */
  readonly file: string;
  /** Address to listen on. Default: 127.0.0.1. */
  readonly host?: string;
  /** Port to listen on. Default: 0, any free one. */
  readonly port?: number;
  /** Whether anybody may make an account. Default: `open` on loopback, else `closed`. */
  readonly registration?: 'open' | 'closed';
  /** How fast one device may claim keys of one user. Default: {@link CLAIM_RATE}. */
  readonly claimRate?: Rate | 'unlimited';
  /** Envelopes a mailbox holds. Default: 50,000. */
  readonly mailboxCountMax?: number;
  /** Bytes a mailbox holds. Default: 128 MiB. */
  readonly mailboxBytesMax?: number;
  /**
   * The file was put back from a backup: one-time prekeys in it may have been handed out since, so they
   * go, and devices upload new ones.
   */
  readonly isPutBack?: true;
  /** Default: `off`. */
  readonly log?: LogLevel;
  /** Tests only: called around the commit of every accepted post. */
  readonly chaos?: Chaos;
  /** Tests only: the relay's clock, wall ms. */
  readonly now?: () => number;
}

/** A relay that takes requests. */
export interface RunningRelay {
  /** Where devices reach it, without a trailing slash. */
  readonly url: string;
  readonly port: number;
  /** How many devices are connected. */
  connections(): number;
  /** Answers what is queued, closes every connection and the file. */
  stop(): Promise<void>;
}

/**
 * Starts a relay.
 *
 * Throws: `RelayStoreError`, such as `IN_USE`, or SQLite's error for the file, Node's for the port.
 */
export async function startRelay(options: RelayOptions): Promise<RunningRelay> {
  const store = openSqliteStore(options.file);
  try {
    return await serve(store, options);
  } catch (error) {
    store.close();
    throw error;
  }
}

async function serve(store: RelayStore, options: RelayOptions): Promise<RunningRelay> {
  const host = options.host ?? '127.0.0.1';
  const now = options.now ?? (() => Date.now());
  const registration = options.registration ?? (isLoopback(host) ? 'open' : 'closed');
  const mailboxCountMax = options.mailboxCountMax ?? MAILBOX_COUNT_MAX;
  const mailboxBytesMax = options.mailboxBytesMax ?? MAILBOX_BYTES_MAX;
  const commit = createGroupCommit({
    store,
    crypto: nodeCrypto,
    entropy: nodeEntropy,
    policy: { registration, mailboxCountMax, mailboxBytesMax },
    now,
    ...(options.chaos && { chaos: options.chaos }),
    onWakeups: (wakeups) => connections.wake(wakeups),
    onFailure: () => server.log.error('a group could not be committed'),
  });
  const connections = new Connections({
    store,
    submit: (call) => commit.submit(call),
    now,
    onFailure: () => server.log.error('a mailbox could not be read'),
  });
  const rate = options.claimRate ?? CLAIM_RATE;
  const server = createHttpServer({
    store,
    commit,
    crypto: nodeCrypto,
    now,
    ...(rate !== 'unlimited' && { claims: new RateLimit(rate) }),
    links: new RateLimit(LINK_RATE),
    log: options.log ?? 'off',
  });
  const sockets = acceptSockets(server.server, connections);
  const prune = (expiry: Expiry): void => {
    try {
      store.prune(expiry);
    } catch {
      // Nothing depends on it yet; the next round tries again.
      server.log.error('expired rows could not be removed');
    }
  };
  const jump = jumpOf(now);
  const pruneOld = (): void => {
    const nowMs = now();
    // Mail that is deleted by a wrong clock is lost; by a right one it goes an hour later.
    if (jump() > CLOCK_JUMP_MS) server.log.error('the clock was set ahead: no mail is removed now');
    else prune({ nowMs, beforeMs: nowMs - LATENCY_MAX_MS });
  };
  if (options.isPutBack === true) store.forgetOneTimeKeys();
  await server.listen({ host, port: options.port ?? 0 });
  const timers = [setInterval(() => connections.checkAlive(), ALIVE_CHECK_MS)];
  timers.push(setInterval(() => prune({ nowMs: now() }), EXPIRE_MS));
  timers.push(setInterval(pruneOld, PRUNE_MS));
  for (const timer of timers) timer.unref();
  const bound = server.server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  return {
    url: `http://${isIP(host) === 6 ? `[${host}]` : host}:${port}`,
    port,
    connections: () => connections.count(),
    async stop() {
      for (const timer of timers) clearInterval(timer);
      commit.close();
      connections.close();
      sockets.close();
      await server.close();
      store.close();
    },
  };
}

/** By how much a clock went ahead since the last look, beyond the time that passed. */
function jumpOf(now: () => number): () => number {
  let before = now() - performance.now();
  return () => {
    const offset = now() - performance.now();
    const jumpMs = offset - before;
    before = offset;
    return jumpMs;
  };
}

function acceptSockets(server: Server, connections: Connections): WebSocketServer {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: FRAME_BYTES_MAX,
    perMessageDeflate: false,
  });
  server.on('upgrade', (request, socket, head) => {
    const path = (request.url ?? '').split('?')[0];
    if (path !== WEBSOCKET_PATH) {
      const text = 'HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';
      // Nobody else listens to this socket: a stranger who hangs up would end the process.
      socket.on('error', () => socket.destroy());
      socket.end(text, () => socket.destroy());
      return;
    }
    const tokenHash = tokenHashOf(request.headers.authorization, nodeCrypto);
    sockets.handleUpgrade(request, socket, head, (opened) => connections.accept(opened, tokenHash));
  });
  return sockets;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
