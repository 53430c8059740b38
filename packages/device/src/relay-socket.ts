/** A device's live line to its relay: mail comes down, acknowledgements go up, and it comes back. */

import { WebSocket } from 'ws';
import {
  ACKS_MAX,
  CLOSE_CONNECTED_ELSEWHERE,
  CLOSE_UNAUTHORIZED,
  WEBSOCKET_PATH,
  decodeServerFrame,
  encodeClientFrame,
} from '@simsim/relay-protocol';
import type { ServerFrame } from '@simsim/relay-protocol';
import { Backoff } from './backoff.ts';
import type { RelayClient } from './relay-client.ts';

/** Why a socket will not come back. */
export type SocketEnd = 'closed' | 'revoked' | 'connectedElsewhere';

/** What a socket tells its device. */
export interface SocketListener {
  onFrame(frame: ServerFrame): void;
  /** The line is up; mail that was not acknowledged comes again. */
  onUp(): void;
  onDown(): void;
  /** The line is gone for good. */
  onEnd(end: SocketEnd): void;
}

/** Keeps one WebSocket open until it is closed or refused for good. */
export class RelaySocket {
  readonly #client: RelayClient;
  readonly #listener: SocketListener;
  readonly #backoff = new Backoff();
  #socket: WebSocket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isEnded = false;
  #isPaused = true;
  #acks: number[] = [];
  #isAckScheduled = false;

  constructor(client: RelayClient, listener: SocketListener) {
    this.#client = client;
    this.#listener = listener;
  }

  /** Connects, and again after every loss, until it is paused. */
  open(): void {
    this.#isPaused = false;
    if (this.#isEnded || this.#socket !== undefined) return;
    clearTimeout(this.#timer);
    this.#connect();
  }

  /** Lets go of the line until it is opened again. */
  pause(): void {
    this.#isPaused = true;
    clearTimeout(this.#timer);
    const socket = this.#socket;
    if (socket === undefined) return;
    this.#lost(socket);
    socket.terminate();
  }

  #connect(): void {
    const url = new URL(WEBSOCKET_PATH, this.#client.url);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    const authorization = this.#client.authorization();
    const headers = authorization === undefined ? {} : { authorization };
    const socket = new WebSocket(url, {
      headers,
      perMessageDeflate: false,
      maxPayload: 8 * 1024 * 1024,
    });
    socket.binaryType = 'nodebuffer';
    this.#socket = socket;
    socket.on('open', () => {
      this.#backoff.reset();
      this.#listener.onUp();
    });
    socket.on('message', (data: Buffer, isBinary) => {
      const frame = isBinary ? decodeServerFrame(data) : undefined;
      if (frame?.ok) this.#listener.onFrame(frame.value);
      else socket.terminate();
    });
    socket.on('unexpected-response', (_request, response) => {
      response.resume();
      if (response.statusCode === 401) this.#endOf(socket, 'revoked');
      socket.terminate();
      this.#lost(socket);
    });
    socket.on('error', () => this.#lost(socket));
    socket.on('close', (code) => {
      if (code === CLOSE_UNAUTHORIZED) this.#endOf(socket, 'revoked');
      if (code === CLOSE_CONNECTED_ELSEWHERE) this.#endOf(socket, 'connectedElsewhere');
      this.#lost(socket);
    });
  }

  /** Tells the relay that it may forget mail; batched, best effort: what is lost comes again. */
  acknowledge(seq: number): void {
    this.#acks.push(seq);
    if (this.#isAckScheduled) return;
    this.#isAckScheduled = true;
    setImmediate(() => this.#sendAcks());
  }

  /** Breaks the line; it comes back by itself. */
  drop(): void {
    this.#socket?.terminate();
  }

  /** Closes for good. */
  close(): void {
    this.#sendAcks();
    this.#end('closed');
    clearTimeout(this.#timer);
    this.#socket?.close();
  }

  #sendAcks(): void {
    this.#isAckScheduled = false;
    const seqs = this.#acks;
    this.#acks = [];
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    for (let from = 0; from < seqs.length; from += ACKS_MAX) {
      this.#socket.send(
        encodeClientFrame({ kind: 'ack', seqs: seqs.slice(from, from + ACKS_MAX) }),
      );
    }
  }

  #lost(socket: WebSocket): void {
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    this.#acks = [];
    this.#listener.onDown();
    if (this.#isEnded || this.#isPaused) return;
    this.#timer = setTimeout(() => this.#connect(), this.#backoff.nextMs());
  }

  /** What a line says that was let go of concerns nobody. */
  #endOf(socket: WebSocket, end: SocketEnd): void {
    if (socket === this.#socket) this.#end(end);
  }

  #end(end: SocketEnd): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#listener.onEnd(end);
  }
}
