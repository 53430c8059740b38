/** The way to a relay over HTTP and WebSocket: one request, one answer, nothing remembered. */

import { request as httpRequest, Agent as HttpAgent } from 'node:http';
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

/** A relay that does not answer within this time counts as unavailable. */
const TIMEOUT_MS = 30_000;

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

class HttpTransport implements RelayTransport {
  readonly url: URL;

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
    const url = new URL(WEBSOCKET_PATH, this.url);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(url, {
      headers: credentialOf(token),
      perMessageDeflate: false,
      maxPayload: ANSWER_BYTES_MAX,
    });
    socket.binaryType = 'nodebuffer';
    return lineOf(socket, listener);
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
      const fail = (cause: unknown): void =>
        reject(new RelayUnavailableError('no answer', { cause }));
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
  socket.on('open', () => {
    if (isHeard) listener.onUp();
  });
  socket.on('message', (data: Buffer, isBinary) => {
    if (!isHeard) return;
    const frame = isBinary ? decodeServerFrame(data) : undefined;
    if (frame?.ok) return listener.onFrame(frame.value);
    // What follows a frame that is none may be anything.
    socket.terminate();
    down('lost');
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
    },
    drop() {
      isHeard = false;
      socket.terminate();
    },
  };
}
