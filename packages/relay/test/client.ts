/** A bare client of a relay: requests over HTTP, frames over a socket, nothing clever. */

import { bytesToBase64url } from '@simsim/bytes';
import type {
  AnswerTo,
  RelayOutcome,
  RelayRequest,
  RequestKind,
  ServerFrame,
} from '@simsim/relay-protocol';
import {
  CONTENT_TYPE,
  decodeOutcome,
  decodeServerFrame,
  encodeClientFrame,
  encodeRequest,
  requestPath,
  WEBSOCKET_PATH,
} from '@simsim/relay-protocol';
import WebSocket from 'ws';
import type { TestDevice, TestUser } from '../src/conformance/people.ts';

/** What came back, with its status. */
export interface Reply {
  readonly status: number;
  readonly outcome: RelayOutcome | undefined;
  readonly headers: Headers;
}

const authorization = (token: Uint8Array): string => `Bearer ${bytesToBase64url(token)}`;

/** Posts bytes as they are. */
export async function postBytes(
  url: string,
  path: string,
  options: { body: Uint8Array; headers?: Record<string, string>; token?: Uint8Array },
): Promise<Reply> {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    body: Uint8Array.from(options.body),
    headers: {
      'content-type': CONTENT_TYPE,
      ...(options.token && { authorization: authorization(options.token) }),
      ...options.headers,
    },
  });
  const decoded = decodeOutcome(new Uint8Array(await response.arrayBuffer()));
  const outcome = decoded.ok ? decoded.value : undefined;
  return { status: response.status, outcome, headers: response.headers };
}

/** Posts a request. */
export function call(url: string, request: RelayRequest, token?: Uint8Array): Promise<Reply> {
  const path = requestPath(request.kind);
  return postBytes(url, path, { body: encodeRequest(request), ...(token && { token }) });
}

/** Posts a request that must be answered. */
export async function ask<K extends RequestKind>(
  url: string,
  request: Extract<RelayRequest, { kind: K }>,
  device?: TestDevice,
): Promise<AnswerTo<K>> {
  const { status, outcome } = await call(url, request, device?.token);
  if (outcome?.ok !== true)
    throw new Error(`${request.kind}: ${status} ${JSON.stringify(outcome)}`);
  return outcome.value as AnswerTo<K>;
}

/** Posts a request that must be refused; answers its code and status. */
export async function refusal(
  url: string,
  request: RelayRequest,
  device?: TestDevice,
): Promise<string> {
  const { status, outcome } = await call(url, request, device?.token);
  return outcome === undefined || outcome.ok
    ? `answered ${status}`
    : `${outcome.error.code} ${status}`;
}

export async function nonce(url: string): Promise<Uint8Array> {
  return (await ask(url, { kind: 'nonce' })).nonce;
}

/** Makes an account with one device. */
export async function join(url: string, user: TestUser, id = 1): Promise<TestDevice> {
  const device = user.makeDevice(id);
  await ask(url, user.createAccount(device, await nonce(url)));
  return device;
}

/** Links one more device. */
export async function link(
  url: string,
  user: TestUser,
  ids: { readonly id: number; readonly approver: number },
): Promise<TestDevice> {
  const device = user.makeDevice(ids.id);
  const request = user.addDevice(device, user.device(ids.approver), await nonce(url));
  await ask(url, request);
  user.list = request.list;
  return device;
}

/** A socket whose frames can be awaited one by one. */
export class TestSocket {
  readonly socket: WebSocket;
  readonly closed: Promise<number>;
  readonly #frames: ServerFrame[] = [];
  readonly #waiting: ((frame: ServerFrame) => void)[] = [];

  constructor(url: string, token: Uint8Array | string | undefined) {
    const value = token instanceof Uint8Array ? authorization(token) : token;
    const headers = value === undefined ? {} : { authorization: value };
    this.socket = new WebSocket(`${url.replace('http', 'ws')}${WEBSOCKET_PATH}`, { headers });
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code) => resolve(code));
      this.socket.on('error', () => undefined);
    });
    this.socket.on('message', (data) => {
      const bytes = data instanceof Buffer ? data : Buffer.alloc(0);
      const frame = decodeServerFrame(Uint8Array.from(bytes));
      if (!frame.ok) throw new Error('the relay sends frames that decode');
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#frames.push(frame.value);
      else waiting(frame.value);
    });
  }

  next(): Promise<ServerFrame> {
    const frame = this.#frames.shift();
    if (frame !== undefined) return Promise.resolve(frame);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The next frame that is not about keys. */
  async nextMail(): Promise<ServerFrame> {
    for (;;) {
      const frame = await this.next();
      if (frame.kind !== 'keysLow') return frame;
    }
  }

  ack(seqs: readonly number[]): void {
    this.socket.send(encodeClientFrame({ kind: 'ack', seqs }));
  }
}
