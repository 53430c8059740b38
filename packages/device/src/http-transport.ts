/** The way to a relay over HTTP and WebSocket: one request, one answer, nothing remembered. */

import { request as httpRequest, Agent as HttpAgent } from 'node:http';
import type { ClientRequest } from 'node:http';
import { request as httpsRequest, Agent as HttpsAgent } from 'node:https';
import {
  ACKS_MAX,
  CONTENT_TYPE,
  NEEDS_TOKEN,
  RelayUnavailableError,
  WEBSOCKET_PATH,
  decodeOutcome,
  decodeServerFrame,
  encodeClientFrame,
  encodeRequest,
  lineEndOf,
  requestPath,
} from '@simsim/relay-protocol';
import type {
  LineEnd,
  LineListener,
  RelayLine,
  RelayOutcome,
  RelayRequest,
  RelayTransport,
} from '@simsim/relay-protocol';
import { WebSocket } from 'ws';
import { badArgument } from './checked-arguments.ts';
import { SessionError } from './session-error.ts';

/** Answers and frames above this are none of a relay. */
const ANSWER_BYTES_MAX = 8 * 1024 * 1024;

/** A relay from which nothing comes for this time counts as unavailable. */
const TIMEOUT_MS = 30_000;

/** The same of one that is not done after this time, however it trickles: 1.6 MB at 43 kbit/s. */
const WHOLE_MS = 300_000;

/**
 * How often a line is pinged; one on which nothing came since the last time is lost, and so is one that
 * did not open. A connection that a router on the way has forgotten says nothing, for ever.
 */
const ALIVE_CHECK_MS = 30_000;

/** How long a relay may take to answer the close of a line, and what was asked before the end. */
const CLOSE_GRACE_MS = 1000;

/** Connections are shared by all devices of a process; each request carries its own token. */
const plainAgent = new HttpAgent({ keepAlive: true, maxSockets: 32 });
const tlsAgent = new HttpsAgent({ keepAlive: true, maxSockets: 32 });

/**
 * The way to the relay at this address, for any number of devices.
 *
 * Throws: `RELAY_INSECURE` for plain http to another machine: the token would travel in clear.
 */
export function createHttpTransport(url: string): RelayTransport {
  return new HttpTransport(url);
}

/** The same for one device alone. Throws: as {@link createHttpTransport}. */
export class HttpTransport implements RelayTransport {
  readonly url: URL;
  /** What waits for an answer. */
  readonly #underWay = new Set<ClientRequest>();

  constructor(url: string) {
    if (!URL.canParse(url))
      throw badArgument('relay', 'the address of a relay, such as https://...');
    this.url = new URL(url);
    if (!['https:', 'http:'].includes(this.url.protocol)) {
      throw badArgument('relay', 'an https address, or http on this machine');
    }
    const isLoopback = ['127.0.0.1', 'localhost', '[::1]'].includes(this.url.hostname);
    if (this.url.protocol !== 'https:' && !isLoopback) throw new SessionError('RELAY_INSECURE');
  }

  async ask(request: RelayRequest, token?: Uint8Array): Promise<RelayOutcome> {
    const { kind } = request;
    const credential = NEEDS_TOKEN[kind] ? credentialOf(token) : {};
    const answer = await this.#exchange(requestPath(kind), encodeRequest(request), credential);
    const outcome = decodeOutcome(answer);
    if (!outcome.ok) throw new RelayUnavailableError('malformed answer');
    const isOther = outcome.value.ok && outcome.value.value.kind !== kind;
    if (isOther) throw new RelayUnavailableError('the answer to another request');
    return outcome.value;
  }

  connect(token: Uint8Array | undefined, listener: LineListener): RelayLine {
    const url = this.#at(WEBSOCKET_PATH);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(url, {
      headers: credentialOf(token),
      perMessageDeflate: false,
      maxPayload: ANSWER_BYTES_MAX,
    });
    socket.binaryType = 'nodebuffer';
    return lineOf(socket, listener);
  }

  /** Nobody waits for answers any more: a relay that gives none keeps no process alive. */
  close(): void {
    const left = [...this.#underWay];
    const end = (): void => left.forEach((outgoing) => outgoing.destroy(new Error('closed')));
    if (left.length > 0) setTimeout(end, CLOSE_GRACE_MS).unref();
  }

  /** A path below the relay's address, which may have one of its own. */
  #at(path: string): URL {
    return new URL(`${this.url.pathname.replace(/\/+$/u, '')}${path}`, this.url.origin);
  }

  #exchange(
    path: string,
    body: Uint8Array,
    credential: Readonly<Record<string, string>>,
  ): Promise<Uint8Array> {
    const isTls = this.url.protocol === 'https:';
    const send = isTls ? httpsRequest : httpRequest;
    const headers = { 'content-type': CONTENT_TYPE, 'content-length': body.length, ...credential };
    return new Promise((resolve, reject) => {
      const fail = (cause: unknown): void => {
        clearTimeout(deadline);
        reject(new RelayUnavailableError('no answer', { cause }));
      };
      const outgoing = send(
        this.#at(path),
        { method: 'POST', agent: isTls ? tlsAgent : plainAgent, headers, timeout: TIMEOUT_MS },
        (incoming) => {
          const chunks: Buffer[] = [];
          let length = 0;
          incoming.on('data', (chunk: Buffer) => {
            length += chunk.length;
            if (length > ANSWER_BYTES_MAX) incoming.destroy(new Error('answer too large'));
            else chunks.push(chunk);
          });
          incoming.on('end', () => {
            clearTimeout(deadline);
            resolve(Buffer.concat(chunks));
          });
          incoming.on('error', fail);
        },
      );
      this.#underWay.add(outgoing);
      outgoing.on('close', () => this.#underWay.delete(outgoing));
      const deadline = setTimeout(() => outgoing.destroy(new Error('timeout')), WHOLE_MS);
      outgoing.on('timeout', () => outgoing.destroy(new Error('timeout')));
      outgoing.on('error', fail);
      // Nobody asked for another protocol; without a listener nothing would be told of it.
      outgoing.on('upgrade', (_incoming, socket) => {
        socket.on('error', () => undefined).destroy();
        fail(new Error('another protocol'));
      });
      outgoing.end(body);
    });
  }
}

function credentialOf(token: Uint8Array | undefined): Readonly<Record<string, string>> {
  if (token === undefined) return {};
  return { authorization: `Bearer ${Buffer.from(token).toString('base64url')}` };
}

function lineOf(socket: WebSocket, listener: LineListener): RelayLine {
  let isHeard = true;
  const down = (end: LineEnd): void => {
    if (!isHeard) return;
    isHeard = false;
    listener.onDown(end);
  };
  const lost = (): void => {
    socket.terminate();
    down('lost');
  };
  endWhereSilent(socket, lost);
  socket.on('open', () => {
    if (isHeard) listener.onUp();
  });
  socket.on('message', (data: Buffer, isBinary) => {
    if (!isHeard) return;
    const frame = isBinary ? decodeServerFrame(data) : undefined;
    if (frame?.ok) return listener.onFrame(frame.value);
    // What follows a frame that is none may be anything.
    lost();
  });
  socket.on('unexpected-response', (_request, response) => {
    response.resume();
    socket.terminate();
    down(response.statusCode === 401 ? 'unauthorized' : 'lost');
  });
  socket.on('error', () => down('lost'));
  socket.on('close', (code) => down(lineEndOf(code)));
  return {
    acknowledge(seqs) {
      if (socket.readyState !== WebSocket.OPEN) return;
      for (let from = 0; from < seqs.length; from += ACKS_MAX) {
        const part = seqs.slice(from, from + ACKS_MAX);
        socket.send(encodeClientFrame({ kind: 'ack', seqs: part }));
      }
    },
    close() {
      isHeard = false;
      socket.close();
      setTimeout(() => socket.terminate(), CLOSE_GRACE_MS).unref();
    },
    drop() {
      isHeard = false;
      socket.terminate();
    },
  };
}

/** Calls `lost` where a socket does not open, or nothing comes any more, no answer to a ping either. */
function endWhereSilent(socket: WebSocket, lost: () => void): void {
  let isAlive = true;
  const heard = (): void => {
    isAlive = true;
  };
  const timer = setInterval(() => {
    if (!isAlive || socket.readyState === WebSocket.CONNECTING) return lost();
    isAlive = false;
    socket.ping();
  }, ALIVE_CHECK_MS).unref();
  for (const event of ['message', 'ping', 'pong']) socket.on(event, heard);
  socket.on('close', () => clearInterval(timer));
}
