/** What a kind of command is made of. */

import type { TestDevice } from '../test-device.ts';
import type { Address } from './model-state.ts';
import type { Scene } from './desk.ts';
import type { Town } from './town.ts';

/** A kind of command. */
export interface Deed {
  /** How often it is drawn beside the others. */
  readonly weight: number;
  /** Devices that can do it where the scene stands so. */
  able(scene: Readonly<Scene>): readonly Address[];
  play(town: Town, device: TestDevice, n: number): void;
}

/** Every device. */
export function anybody({ desks }: Readonly<Scene>): readonly Address[] {
  return [...desks.keys()];
}

/** Devices where something of this kind waits. */
export function whoHas(
  what: 'posts' | 'claims' | 'inbox' | 'history' | 'mail',
): (scene: Readonly<Scene>) => readonly Address[] {
  return ({ desks }) => [...desks].filter(([, desk]) => desk[what] > 0).map(([name]) => name);
}

/** One of some things, if there is any. */
export function oneOf<T>(items: readonly T[], n: number): T | undefined {
  return items[n % Math.max(1, items.length)];
}
