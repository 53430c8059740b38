/** What lasts of a device while its processes come and go: its disk, its clock, its line to the relay. */

import type { DeviceId, MessageId, UserId } from '@simsim/relay-protocol';
import { TODAY } from '@simsim/sesame';
import type { Clock, Release } from '@simsim/sesame';
import type { Label } from '../case/case.ts';
import type { Disk, Loot } from '../disk/disk.ts';
import type { Doubled } from '../world/ledger.ts';
import { Fuse } from './fuse.ts';

/** A copy of a device's files at some moment. */
export interface Backup {
  readonly disk: Disk;
  readonly atMs: number;
}

/** What a thief copied of a device, and acts with. */
export interface Theft {
  /** The device that was robbed. */
  readonly of: Machine;
  /** What the thief began with. */
  readonly loot: Loot;
  readonly doubled: Doubled;
  readonly how: 'openly' | 'silently';
  /** How far the keys that were replaced were gone when it happened. */
  readonly erasedSeq: number;
  readonly rotatedSeq: number;
}

/** How a device keeps its log. */
export interface Policy {
  /** Events after which the vault follows the log. */
  readonly flushEvents: number;
  /** Whether what was replaced is zeroed within the flush or with the next one. */
  readonly wipe: 'strict' | 'lazy';
  /** Whether states that nobody opens any more shrink to their digests. */
  readonly prunes: boolean;
}

/** A line that the application handed over and has not been told to be durable. */
export interface UnsentLine {
  readonly messageId: MessageId;
  readonly to: readonly UserId[];
  readonly text: string;
}

/** What a machine is made of. */
export interface MachineParts {
  readonly label: Label;
  readonly userId: UserId;
  readonly disk: Disk;
  readonly policy: Policy;
  /** By how much the wall clock is wrong. */
  readonly skewMs: number;
}

/** A device's hardware. */
export class Machine {
  readonly label: Label;
  readonly userId: UserId;
  readonly disk: Disk;
  policy: Policy;
  /** The program that runs on it. */
  release: Release = TODAY;
  /** Kills the process at a chosen storage operation. */
  readonly fuse: Fuse = new Fuse();
  skewMs: number;
  /** How often the machine was started. */
  boots = 1;
  /** How often a process was started on it. */
  starts = 0;
  /** The last event of its log, as the world saw it. */
  seq = 0;
  /** Processes that the medium refused, with nothing committed in between. */
  refusals = 0;
  /** How far the log had come when the last rotation of the vault's key that ended began. */
  rotatedSeq = 0;
  /** The same for one that has not ended. */
  rotatingSince: number | undefined;
  /** When its streams last began to take keys of their own making. */
  rekeyedMs: number | undefined;
  /** Since when its disk says that it has written and has not. */
  lyingSinceMs: number | undefined;
  /** Part of its files was damaged, and no copy was put back since. */
  isDamaged = false;
  /** A bit of an event turned over: whoever verifies the log finds it. */
  hasRottenEvent = false;
  /** A copy of a part of its vault is gone, and nobody has opened it since. */
  lacksCopy = false;
  /** What a thief copied and acts with here. */
  theft: Theft | undefined;
  /** Its device, once there is one: also after its files do not say so any more. */
  deviceId: DeviceId | undefined;
  /** Its files do not open any more, and nothing will change that. */
  isBroken = false;
  /** Where its line is cut. */
  readonly cuts: Set<'up' | 'down'> = new Set();
  /** The last copy of its files. */
  backup: Backup | undefined;
  /** Lines whose process died before it answered. */
  unsent: UnsentLine[] = [];
  /** Lines that the device would not send. */
  readonly refused: Set<MessageId> = new Set();
  /** Requests it ever made: each has its own dice. */
  requests = 0;
  /** Mail that is spoilt on its way. */
  spoils = 0;

  constructor({ label, userId, disk, policy, skewMs }: MachineParts) {
    this.label = label;
    this.userId = userId;
    this.disk = disk;
    this.policy = policy;
    this.skewMs = skewMs;
  }

  /** The address of its device. */
  get address(): string | undefined {
    return this.deviceId && `${this.userId}.${this.deviceId}`;
  }

  /** The clock as the device sees it, at a moment of the world. */
  clockAt(nowMs: number): Clock {
    const bootId = `${this.label} ${this.boots}`;
    return { wallMs: nowMs + this.skewMs, elapsedMs: nowMs, bootId };
  }
}
