/** What the coordinator asks of a process that hosts devices, and what that process tells it. */

import type { IdentityModel } from '@simsim/device';
import type { KillOrder } from './kill-hook.ts';

/** A device's folder and its place in the coordinator's own table. */
export interface HostedDevice {
  /** The coordinator's number of this device, for ever. */
  readonly index: number;
  readonly folder: string;
}

/** A device that is open. */
export interface OpenedDevice {
  readonly deviceId: number;
  readonly listVersion: number;
}

/** What a recipient user's refusal was. */
export interface Refusal {
  readonly user: string;
  readonly reason: string;
}

/** Counters of a host; those of devices count since the process started. */
interface HostStatus {
  readonly devices: number;
  /** Devices with something on its way in or out. */
  readonly busy: number;
  /** Commits so far: two equal answers in a row mean that nothing happens any more. */
  readonly commits: number;
  readonly peakMemoryBytes: number;
}

/** The calls of a host. */
export type HostCalls = {
  /** Makes a user's first device. */
  readonly create: {
    readonly ask: HostedDevice & {
      readonly user: string;
      readonly deviceId: number;
      readonly identityModel: IdentityModel;
    };
    readonly answer: OpenedDevice;
  };
  /** Opens a device whose folder is there. */
  readonly open: {
    readonly ask: HostedDevice & { readonly user: string };
    readonly answer: OpenedDevice;
  };
  /** Makes a further device; the link code comes as an event meanwhile. */
  readonly link: { readonly ask: HostedDevice; readonly answer: OpenedDevice };
  /** Approves the device that showed a link code. */
  readonly approve: {
    readonly ask: { readonly index: number; readonly code: string };
    readonly answer: null;
  };
  /** Sends a line; acceptances come as events meanwhile. Safe to repeat. */
  readonly send: {
    readonly ask: {
      readonly index: number;
      readonly line: number;
      readonly messageId: string;
      readonly to: readonly string[];
      readonly text: string;
    };
    readonly answer: readonly Refusal[];
  };
  /** Removes another device of the same user. */
  readonly remove: {
    readonly ask: { readonly index: number; readonly deviceId: number };
    readonly answer: { readonly listVersion: number };
  };
  readonly drop: { readonly ask: { readonly index: number }; readonly answer: null };
  /** Closes a device, whatever state it is in. */
  readonly close: { readonly ask: { readonly index: number }; readonly answer: null };
  readonly arm: { readonly ask: KillOrder; readonly answer: null };
  readonly disarm: { readonly ask: null; readonly answer: null };
  readonly status: { readonly ask: null; readonly answer: HostStatus };
  readonly closeAll: { readonly ask: null; readonly answer: null };
};

/** What a host tells without being asked. */
export type HostEvent =
  | { readonly type: 'linkCode'; readonly index: number; readonly code: string }
  | {
      readonly type: 'accepted';
      readonly line: number;
      readonly user: string;
      readonly version: number;
    }
  /** Messages whose record and acknowledgement were committed. */
  | {
      readonly type: 'acknowledged';
      readonly index: number;
      readonly messageIds: readonly string[];
    }
  /** A device stopped without being asked to. */
  | { readonly type: 'stopped'; readonly index: number; readonly reason: string };
