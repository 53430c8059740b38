/** Commands as fast-check runs them: a deed of a table, a device that can do it, and a number. */

import fc from 'fast-check';
import type { Deed } from './deed.ts';
import { CLONE_DEEDS } from './clone-commands.ts';
import { DEVICE_DEEDS } from './device-commands.ts';
import { checkStep } from './invariants.ts';
import { MAIL_DEEDS } from './mail-commands.ts';
import type { InvariantName } from './model-state.ts';
import { LIES } from './relay-lies.ts';
import { SEND_DEEDS } from './send-commands.ts';
import { TRUST_DEEDS } from './trust-commands.ts';
import type { Scene } from './desk.ts';
import type { Town } from './town.ts';

const DEEDS: ReadonlyMap<string, Deed> = new Map<string, Deed>([
  ...Object.entries(SEND_DEEDS),
  ...Object.entries(MAIL_DEEDS),
  ...Object.entries(DEVICE_DEEDS),
  ...Object.entries(LIES),
  ...Object.entries(TRUST_DEEDS),
  ...Object.entries(CLONE_DEEDS),
]);

/** Every kind of command. */
export const COMMANDS: readonly string[] = [...DEEDS.keys()];

/** One command; `by` picks the device among those that can, `n` the rest. */
class Command implements fc.Command<Scene, Town> {
  readonly #name: string;
  readonly #deed: Deed;
  readonly #by: number;
  readonly #n: number;
  readonly #watched: readonly InvariantName[];

  constructor(name: string, deed: Deed, options: CommandOptions) {
    this.#name = name;
    this.#deed = deed;
    this.#by = options.by;
    this.#n = options.n;
    this.#watched = options.watched;
  }

  check(scene: Readonly<Scene>): boolean {
    return this.#deed.able(scene).length > 0;
  }

  run(scene: Scene, town: Town): void {
    const able = this.#deed.able(scene);
    const address = able[this.#by % able.length];
    this.#deed.play(town, town.device(address), this.#n);
    town.situations.done(this.#name);
    town.look();
    checkStep(town, this.#watched);
  }

  toString(): string {
    return `${this.#name}(${this.#by}, ${this.#n})`;
  }
}

interface CommandOptions {
  readonly by: number;
  readonly n: number;
  /** Which invariants are looked at. */
  readonly watched: readonly InvariantName[];
}

/** Lists of commands; the commoner deeds come up more often. */
export function commandLists(
  watched: readonly InvariantName[],
  commandsMax: number,
): fc.Arbitrary<Iterable<fc.Command<Scene, Town>>> {
  const each = [...DEEDS].flatMap(([name, deed]) => {
    const one = fc
      .record({ by: fc.nat(8), n: fc.nat(5039) })
      .map(({ by, n }) => new Command(name, deed, { by, n, watched }));
    return Array.from({ length: deed.weight }, () => one);
  });
  return fc.commands(each, { maxCommands: commandsMax, size: 'max' });
}
