/** The relay's HTTP side: one route a kind of request, raw bodies, a named refusal for everything. */

import type { Crypto } from '@simsim/crypto';
import type { RelayOutcome, RelayRefusal, RequestKind } from '@simsim/relay-protocol';
import {
  BODY_BYTES_MAX,
  CONTENT_TYPE,
  decodeRequest,
  encodeOutcome,
  HEALTH_PATH,
  LINK_BYTES_MAX,
  NEEDS_TOKEN,
  REFUSAL_STATUS,
  REQUEST_KINDS,
  requestPath,
} from '@simsim/relay-protocol';
import type {
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  onRequestAsyncHookHandler,
} from 'fastify';
import fastify from 'fastify';
import type { RelayCall } from '../core/decision.ts';
import { addressKey } from '../core/slice.ts';
import type { RelayStore } from '../core/store.ts';
import { tokenHashOf } from './credential.ts';
import type { GroupCommit } from './group-commit.ts';
import type { LogLevel } from './log.ts';
import { logAnswers, logOptions } from './log.ts';
import type { RateLimit } from './token-bucket.ts';

/** What the HTTP side works with. */
export interface HttpParts {
  readonly store: RelayStore;
  readonly commit: GroupCommit;
  readonly crypto: Crypto;
  readonly now: () => number;
  /** Bounds claims per caller and target; absent for no bound. */
  readonly claims?: RateLimit;
  /** Bounds links per caller. */
  readonly links: RateLimit;
  readonly log: LogLevel;
}

/**
 * Bodies of requests that carry neither mail nor a link: the largest is a join with 50 KEM prekeys of
 * 1.6 KB and 200 others.
 */
const SMALL_BODY_BYTES_MAX = 128 * 1024;

/** How long a client may take to send a request. */
const REQUEST_TIMEOUT_MS = 60_000;

const bodyBytesMax = (kind: RequestKind): number => {
  if (kind === 'post') return BODY_BYTES_MAX;
  return kind === 'putLink' ? LINK_BYTES_MAX + 1024 : SMALL_BODY_BYTES_MAX;
};

/** Makes the server; it listens when told to. */
export function createHttpServer(parts: HttpParts): FastifyInstance {
  const server = fastify({
    ...logOptions(parts.log),
    forceCloseConnections: true,
    requestTimeout: REQUEST_TIMEOUT_MS,
    bodyLimit: BODY_BYTES_MAX,
    exposeHeadRoutes: false,
  });
  logAnswers(server);
  server.removeAllContentTypeParsers();
  server.addContentTypeParser(CONTENT_TYPE, { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body);
  });
  server.get(HEALTH_PATH, async () => ({ status: 'ok' }));
  for (const kind of REQUEST_KINDS) addRoute(server, parts, kind);
  server.setNotFoundHandler((_request, reply) => sendRefusal(reply, { code: 'MALFORMED' }));
  server.setErrorHandler((error, request, reply) => {
    const code = codeOf(error);
    if (code === 'UNAVAILABLE') request.log.error({ code }, 'request failed');
    return sendRefusal(reply, { code });
  });
  return server;
}

function addRoute(server: FastifyInstance, parts: HttpParts, kind: RequestKind): void {
  /** Of requests that needed one already. */
  const tokenHashes = new WeakMap<FastifyRequest, Uint8Array>();
  // Before the body: a stranger fills no memory with one.
  const onRequest: onRequestAsyncHookHandler = async (request, reply) => {
    const tokenHash = tokenHashOf(request.headers.authorization, parts.crypto);
    if (tokenHash !== undefined) tokenHashes.set(request, tokenHash);
    const isKnown = tokenHash !== undefined && parts.store.read({ tokenHash }).caller !== undefined;
    if (!isKnown) return sendRefusal(reply, { code: 'UNAUTHORIZED' });
  };
  const options = { bodyLimit: bodyBytesMax(kind), ...(NEEDS_TOKEN[kind] && { onRequest }) };
  server.post(requestPath(kind), options, async (request, reply) => {
    const tokenHash =
      tokenHashes.get(request) ?? tokenHashOf(request.headers.authorization, parts.crypto);
    const { body } = request;
    if (!Buffer.isBuffer(body)) return sendRefusal(reply, { code: 'MALFORMED' });
    // A plain view: Buffer's own `slice` shares memory where decoders expect a copy.
    const decoded = decodeRequest(new Uint8Array(body.buffer, body.byteOffset, body.byteLength));
    if (!decoded.ok || decoded.value.kind !== kind) {
      const isTooLarge = !decoded.ok && decoded.error.code === 'TOO_LARGE';
      return sendRefusal(reply, { code: isTooLarge ? 'TOO_LARGE' : 'MALFORMED' });
    }
    const call = { request: decoded.value, ...(tokenHash && { tokenHash }) };
    const retryAfterMs = waitFor(parts, call);
    if (retryAfterMs > 0) return sendRefusal(reply, { code: 'RATE_LIMITED', retryAfterMs });
    return sendOutcome(reply, await parts.commit.submit(call));
  });
}

/** How long a caller must wait before it may claim keys of this user, or leave a link, again. */
function waitFor(parts: HttpParts, { request, tokenHash }: RelayCall): number {
  const { kind } = request;
  if ((kind !== 'claimKeys' && kind !== 'putLink') || !tokenHash) return 0;
  const { caller } = parts.store.read({ tokenHash });
  // A stranger is refused by the decision and must not crowd out callers here.
  if (caller === undefined) return 0;
  if (kind === 'putLink') return parts.links.take(addressKey(caller), parts.now());
  if (parts.claims === undefined) return 0;
  return parts.claims.take(`${addressKey(caller)}\n${request.userId}`, parts.now());
}

function sendOutcome(reply: FastifyReply, outcome: RelayOutcome): FastifyReply {
  if (!outcome.ok) return sendRefusal(reply, outcome.error);
  const body = encodeOutcome(outcome);
  return reply.type(CONTENT_TYPE).send(Buffer.from(body.buffer, body.byteOffset, body.length));
}

function sendRefusal(reply: FastifyReply, refusal: RelayRefusal): FastifyReply {
  if (refusal.code === 'RATE_LIMITED') {
    void reply.header('retry-after', Math.ceil(refusal.retryAfterMs / 1000));
  }
  const body = Buffer.from(encodeOutcome({ ok: false, error: refusal }));
  return reply.code(REFUSAL_STATUS[refusal.code]).type(CONTENT_TYPE).send(body);
}

function codeOf(error: unknown): 'TOO_LARGE' | 'MALFORMED' | 'UNAVAILABLE' {
  const status =
    typeof error === 'object' && error !== null && 'statusCode' in error ? error.statusCode : 500;
  if (status === 413) return 'TOO_LARGE';
  return typeof status === 'number' && status < 500 ? 'MALFORMED' : 'UNAVAILABLE';
}
