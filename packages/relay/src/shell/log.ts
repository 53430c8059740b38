/** What a relay logs: nothing, or an allow-list of fields that name nobody. */

import type { FastifyInstance, FastifyServerOptions } from 'fastify';
import { LogController } from 'fastify';

/** How much a relay logs. `info`: one line a request, JSON on standard error. */
export type LogLevel = 'off' | 'info';

/** Fastify's options for a level; its own request lines, which show addresses, stay off. */
export function logOptions(level: LogLevel): FastifyServerOptions {
  if (level === 'off') return { logger: false };
  return {
    logController: new LogController({ disableRequestLogging: true }),
    logger: {
      level,
      base: null,
      stream: process.stderr,
      serializers: {
        req: () => ({}),
        res: () => ({}),
        err: () => ({ type: 'Error', message: '', stack: '' }),
      },
    },
  };
}

/** Logs route, status and time of every answer. */
export function logAnswers(server: FastifyInstance): void {
  server.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'unknown';
    const ms = Math.round(reply.elapsedTime);
    request.log.info({ route, status: reply.statusCode, ms }, 'answered');
    done();
  });
}
