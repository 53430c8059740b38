/** A relay's door with somebody beside it: all that devices post is written down on its way. */

import { createServer, request } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import { connect } from 'node:net';
import { decodeRequest, requestPath } from '@simsim/relay-protocol';
import type { Post } from '@simsim/relay-protocol';

/** A door in front of a relay. */
export interface Tap {
  /** Where devices go instead of the relay. */
  readonly url: string;
  /** Every post of every device, in the order in which they came. */
  readonly posts: { readonly token: string; readonly post: Post }[];
  stop(): Promise<void>;
}

/** Opens a door in front of the relay at a port of this machine. */
export async function tapRelay(port: number): Promise<Tap> {
  const posts: Tap['posts'][number][] = [];
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const body = Buffer.concat(chunks);
      if (incoming.url === requestPath('post')) posts.push(...postsOf(incoming, body));
      const { method, url: path, headers } = incoming;
      const forward = request({ host: '127.0.0.1', port, method, path, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(outgoing);
      });
      forward.on('error', () => outgoing.destroy());
      forward.end(body);
    });
  });
  passUpgrades(server, port);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const own = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${own}`,
    posts,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function postsOf({ headers }: IncomingMessage, body: Buffer): Tap['posts'][number][] {
  const decoded = decodeRequest(new Uint8Array(body));
  if (!decoded.ok || decoded.value.kind !== 'post') return [];
  const token = headers.authorization ?? '';
  return decoded.value.posts.map((post) => ({ token, post }));
}

/** WebSockets go through as they are. */
function passUpgrades(server: Server, port: number): void {
  server.on('upgrade', (incoming, socket, head) => {
    const relay = connect(port, '127.0.0.1', () => {
      const lines = [`${incoming.method} ${incoming.url} HTTP/1.1`];
      for (let i = 0; i < incoming.rawHeaders.length; i += 2) {
        lines.push(`${incoming.rawHeaders[i]}: ${incoming.rawHeaders[i + 1]}`);
      }
      relay.write(`${lines.join('\r\n')}\r\n\r\n`);
      relay.write(head);
      relay.pipe(socket).pipe(relay);
    });
    relay.on('error', () => socket.destroy());
    socket.on('error', () => relay.destroy());
  });
}
