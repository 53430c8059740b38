/** The far end of HTTP and WebSocket, with a relay behind it that says what a test wants. */

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { Duplex } from 'node:stream';
import type { LineEnd, RelayEnd } from '@simsim/relay-protocol';
import {
  CLOSE_CONNECTED_ELSEWHERE,
  CLOSE_UNAUTHORIZED,
  CONTENT_TYPE,
  decodeClientFrame,
  decodeRequest,
  encodeOutcome,
  encodeServerFrame,
  requestPath,
  WEBSOCKET_PATH,
} from '@simsim/relay-protocol';
import type { WebSocket } from 'ws';
import { WebSocketServer } from 'ws';

/** Close codes by what they tell a device. */
const CLOSE_CODES: Readonly<Record<LineEnd, number>> = {
  unauthorized: CLOSE_UNAUTHORIZED,
  connectedElsewhere: CLOSE_CONNECTED_ELSEWHERE,
  lost: 1001,
};

/** What is done to an answer on its way. */
type Fate =
  | { readonly kind: 'lost' }
  | { readonly kind: 'garbled'; readonly bytes: Uint8Array }
  | { readonly kind: 'flooded'; readonly length: number };

/** A server that hands everything to a relay. */
export class HttpFarEnd {
  readonly #end: RelayEnd;
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  /** What the sockets write to. */
  readonly #streams = new Set<Duplex>();
  /** What becomes of the next answers. */
  readonly fates: Fate[] = [];

  constructor(end: RelayEnd) {
    this.#end = end;
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.#server.on('upgrade', (request, socket, head) => {
      if (request.url !== WEBSOCKET_PATH) return socket.destroy();
      const take = (opened: WebSocket): void => {
        this.#streams.add(socket);
        this.#accept(opened, tokenOf(request));
      };
      return this.#sockets.handleUpgrade(request, socket, head, take);
    });
  }

  /** Listens; answers with the address. */
  listen(): Promise<string> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () => {
        const bound = this.#server.address();
        resolve(`http://127.0.0.1:${typeof bound === 'object' && bound ? bound.port : 0}`);
      });
    });
  }

  cut(): void {
    for (const socket of this.#sockets.clients) socket.terminate();
  }

  say(bytes: Uint8Array): void {
    for (const socket of this.#sockets.clients) socket.send(bytes);
  }

  /** The beginning of a frame that says it is a terabyte long. */
  flood(length: number): void {
    const header = new Uint8Array(10);
    header.set([0x82, 127]);
    new DataView(header.buffer).setBigUint64(2, 1n << 40n);
    for (const stream of this.#streams) {
      stream.write(header);
      stream.write(new Uint8Array(length));
    }
  }

  async stop(): Promise<void> {
    this.cut();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const asked = decodeRequest(Uint8Array.from(Buffer.concat(chunks)));
    const isSound =
      asked.ok &&
      request.method === 'POST' &&
      request.url === requestPath(asked.value.kind) &&
      request.headers['content-type'] === CONTENT_TYPE;
    if (!isSound) return void response.writeHead(500).end();
    const outcome = await this.#end.answer(asked.value, tokenOf(request));
    const fate = this.fates.shift();
    if (fate?.kind === 'lost') return void request.socket.destroy();
    response.setHeader('content-type', CONTENT_TYPE);
    if (fate?.kind === 'flooded') return void response.write(new Uint8Array(fate.length));
    response.end(fate === undefined ? encodeOutcome(outcome) : fate.bytes);
  }

  #accept(socket: WebSocket, token: Uint8Array | undefined): void {
    const listener = this.#end.accept(
      {
        send: (frame) => socket.send(encodeServerFrame(frame), () => undefined),
        close: (end) => socket.close(CLOSE_CODES[end]),
      },
      token,
    );
    socket.on('error', () => undefined);
    socket.on('message', (data: Buffer) => {
      const frame = decodeClientFrame(Uint8Array.from(data));
      if (frame.ok) listener.onAck(frame.value.seqs);
      else socket.close(4400);
    });
    socket.on('close', () => listener.onDown());
  }
}

function tokenOf({ headers }: IncomingMessage): Uint8Array | undefined {
  const { authorization } = headers;
  if (authorization === undefined) return undefined;
  return Uint8Array.from(Buffer.from(authorization.replace('Bearer ', ''), 'base64url'));
}
