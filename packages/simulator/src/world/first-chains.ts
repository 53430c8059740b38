/**
 * Sessions that began without a one-time prekey. Whoever has the prekeys has the first root, hence the
 * first chain; and with the private key that waits for an answer, the first chain back.
 */

import { wireMessage } from './wire-message.ts';

/** From whom to whom, by address. */
export interface Way {
  readonly from: string;
  readonly to: string;
}

/** New chains of whoever began a session after which the other's first answer is surely over. */
const TURNS = 3;

/** Which messages are the first of such sessions. */
export class FirstChains {
  /** Ratchet keys of their first chains, both ways. */
  readonly #chains = new Set<string>();
  /** Every pair that ever had one, and the chains the beginner used since, while the answer may be the first. */
  readonly #turnsByWay = new Map<string, Set<string>>();

  /** A message was taken. Whether it begins such a session. */
  note(content: Uint8Array, { from, to }: Way): boolean {
    const message = wireMessage(content);
    if (message === undefined) return false;
    const { initiation, chain } = message;
    const isOpen = initiation !== undefined && initiation.oneTimePreKeyId === undefined;
    if (isOpen) {
      this.#chains.add(chain);
      this.#turnsByWay.set(`${from} ${to}`, new Set());
    }
    if (initiation !== undefined) return isOpen;
    this.#turnsByWay.get(`${from} ${to}`)?.add(chain);
    const turns = this.#turnsByWay.get(`${to} ${from}`);
    if (turns !== undefined && turns.size < TURNS) this.#chains.add(chain);
    return false;
  }

  /** Whether a message is one of the first of such a session. */
  has(content: Uint8Array): boolean {
    const message = wireMessage(content);
    return message !== undefined && this.#chains.has(message.chain);
  }

  /** Whether two devices ever had such a session. */
  isBetween({ from, to }: Way): boolean {
    return this.#turnsByWay.has(`${from} ${to}`) || this.#turnsByWay.has(`${to} ${from}`);
  }
}
