/** A device's way to its relay: a transport, and the token that says which device asks. */

import { isRelayUnavailable } from '@simsim/relay-protocol';
import type {
  LineListener,
  RelayLine,
  RelayOutcome,
  RelayRequest,
  RelayTransport,
} from '@simsim/relay-protocol';
import { HttpTransport } from './http-transport.ts';
import { SessionError } from './session-error.ts';

/** Speaks with one relay. */
export class RelayClient {
  readonly #transport: RelayTransport;
  /** Its own one; another belongs to whoever gave it. */
  readonly #own: HttpTransport | undefined;
  #token: Uint8Array | undefined;

  /** To an address, over HTTP and WebSocket, or by another transport. Throws: `RELAY_INSECURE`. */
  constructor(relay: string | RelayTransport) {
    if (typeof relay === 'string') this.#transport = this.#own = new HttpTransport(relay);
    else this.#transport = relay;
  }

  /** Waits a moment longer for answers; those that have not come then are none. */
  close(): void {
    this.#own?.close();
  }

  /** Sets the bearer token, 32 bytes; they stay the caller's. */
  setToken(token: Uint8Array): void {
    this.#token?.fill(0);
    this.#token = token.slice();
  }

  /**
   * Asks once.
   *
   * Throws: `RELAY_UNAVAILABLE` when no whole answer came; whether the relay acted is unknown then,
   * and every request may be repeated as it is.
   */
  async ask(request: RelayRequest): Promise<RelayOutcome> {
    const outcome = await this.#exchange(request);
    const isUnavailable = !outcome.ok && outcome.error.code === 'UNAVAILABLE';
    if (isUnavailable) throw new SessionError('RELAY_UNAVAILABLE', { detail: request.kind });
    return outcome;
  }

  /** Opens a line for the device. */
  connect(listener: LineListener): RelayLine {
    return this.#transport.connect(this.#token, listener);
  }

  async #exchange(request: RelayRequest): Promise<RelayOutcome> {
    try {
      return await this.#transport.ask(request, this.#token);
    } catch (cause) {
      if (!isRelayUnavailable(cause)) throw cause;
      throw new SessionError('RELAY_UNAVAILABLE', { cause });
    }
  }
}
