/** Asking a relay over HTTP: one request, one answer, nothing remembered. */

import { request as httpRequest, Agent as HttpAgent } from 'node:http';
import { request as httpsRequest, Agent as HttpsAgent } from 'node:https';
import {
  CONTENT_TYPE,
  NEEDS_TOKEN,
  decodeOutcome,
  encodeRequest,
  requestPath,
} from '@simsim/relay-protocol';
import type { RelayOutcome, RelayRequest } from '@simsim/relay-protocol';
import { SessionError } from './session-error.ts';

/** Answers above this are no answers of a relay. */
const ANSWER_BYTES_MAX = 8 * 1024 * 1024;

/** A relay that does not answer within this time counts as unavailable. */
const TIMEOUT_MS = 30_000;

/** Connections are shared by all devices of a process; each request carries its own token. */
const plainAgent = new HttpAgent({ keepAlive: true, maxSockets: 32 });
const tlsAgent = new HttpsAgent({ keepAlive: true, maxSockets: 32 });

/** Speaks with one relay. */
export class RelayClient {
  readonly url: URL;
  #token: string | undefined;

  /** Throws: `RELAY_INSECURE` for plain http to another machine: the token would travel in clear. */
  constructor(url: string) {
    this.url = new URL(url);
    const isLoopback = ['127.0.0.1', 'localhost', '[::1]'].includes(this.url.hostname);
    if (this.url.protocol !== 'https:' && !isLoopback) throw new SessionError('RELAY_INSECURE');
  }

  /** The value of the Authorization header, once a token is set. */
  authorization(): string | undefined {
    return this.#token;
  }

  /** Sets the bearer token, 32 bytes. */
  setToken(token: Uint8Array): void {
    this.#token = `Bearer ${Buffer.from(token).toString('base64url')}`;
  }

  /**
   * Asks once.
   *
   * Throws: `RELAY_UNAVAILABLE` when no whole answer came; whether the relay acted is unknown then,
   * and every request may be repeated as it is.
   */
  async ask(request: RelayRequest): Promise<RelayOutcome> {
    const body = encodeRequest(request);
    const answer = await this.#exchange(requestPath(request.kind), body, NEEDS_TOKEN[request.kind]);
    const outcome = decodeOutcome(answer);
    if (!outcome.ok) throw new SessionError('RELAY_UNAVAILABLE', { detail: 'malformed answer' });
    const isUnavailable = !outcome.value.ok && outcome.value.error.code === 'UNAVAILABLE';
    if (isUnavailable) throw new SessionError('RELAY_UNAVAILABLE', { detail: request.kind });
    return outcome.value;
  }

  #exchange(path: string, body: Uint8Array, needsToken: boolean): Promise<Uint8Array> {
    const isTls = this.url.protocol === 'https:';
    const send = isTls ? httpsRequest : httpRequest;
    const token = needsToken && this.#token !== undefined ? { authorization: this.#token } : {};
    const headers = { 'content-type': CONTENT_TYPE, 'content-length': body.length, ...token };
    return new Promise((resolve, reject) => {
      const fail = (cause: unknown): void =>
        reject(new SessionError('RELAY_UNAVAILABLE', { cause }));
      const outgoing = send(
        new URL(path, this.url),
        { method: 'POST', agent: isTls ? tlsAgent : plainAgent, headers, timeout: TIMEOUT_MS },
        (incoming) => {
          const chunks: Buffer[] = [];
          let length = 0;
          incoming.on('data', (chunk: Buffer) => {
            length += chunk.length;
            if (length > ANSWER_BYTES_MAX) incoming.destroy(new Error('answer too large'));
            else chunks.push(chunk);
          });
          incoming.on('end', () => resolve(Buffer.concat(chunks)));
          incoming.on('error', fail);
        },
      );
      outgoing.on('timeout', () => outgoing.destroy(new Error('timeout')));
      outgoing.on('error', fail);
      outgoing.end(body);
    });
  }
}
