/** What commands see of a town: what waits at its devices, and which of them run twice. */

import type { TestDevice } from '../test-device.ts';
import type { Address, Model, ModelDevice } from './model-state.ts';
import type { Observer } from './observer.ts';

/** What waits at a device: what commands ask before they are drawn. */
interface Desk {
  readonly posts: number;
  readonly claims: number;
  readonly inbox: number;
  readonly history: number;
  readonly mail: number;
  readonly isRegistered: boolean;
}

/** What commands see of a town before they run. */
export interface Scene {
  readonly model: Model;
  readonly desks: Map<Address, Desk>;
  readonly remembered: Set<Address>;
  /** Devices that run twice. */
  readonly forks: Map<Address, Fork>;
}

/** A device that runs twice. */
export interface Fork {
  readonly original: TestDevice;
  readonly copy: TestDevice;
  /** What the copy has. */
  readonly me: ModelDevice;
  readonly observer: Observer;
}
