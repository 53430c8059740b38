/** How requests travel over HTTP, and how a socket closes. */

import type { RequestKind } from './request.ts';

/** Content type of every request and answer body. */
export const CONTENT_TYPE = 'application/vnd.simsim';

/** Path of the WebSocket; the same Authorization header as a request. */
export const WEBSOCKET_PATH = '/v1/ws';

/** Path of the health check: 200 while the relay takes requests. */
export const HEALTH_PATH = '/v1/health';

/** Close code: the token names no current device, or its device was removed. */
export const CLOSE_UNAUTHORIZED = 4401;

/** Close code: the same device connected elsewhere. */
export const CLOSE_CONNECTED_ELSEWHERE = 4409;

/** Close code: a frame was malformed. */
export const CLOSE_MALFORMED = 4400;

/** The path a request is posted to. */
export const requestPath = (kind: RequestKind): string => `/v1/${kind}`;
