/**
 * Names of the user's own devices: what one is, and which of two is the newer.
 *
 * A name belongs to a device *key*, not to a device id: ids may come again, keys never do, so that a
 * name which is late finds the device it was meant for or nobody.
 */

import { bytesToHex, createReader, createWriter } from '@simsim/bytes';
import type { BinaryReader, BinaryWriter } from '@simsim/bytes';
import { readDeviceId } from '@simsim/relay-protocol';
import type { DeviceId } from '@simsim/relay-protocol';
import { NO_NAME, parseDeviceName } from './device-name-brand.ts';
import type { DeviceName } from './device-name-brand.ts';
import { DEVICE_NAME_BYTES_MAX, DEVICE_NAME_COUNTER_MAX, DEVICE_NAMES_MAX } from './limits.ts';

/** A name as it was given. */
export interface DeviceNaming {
  /** Ed25519, 32 bytes: the device that has it. */
  readonly deviceKey: Uint8Array;
  readonly name: DeviceName;
  /** Above that of the name it takes the place of; with `by` and the name it orders a device's namings. */
  readonly counter: number;
  /** The device that gave it. */
  readonly by: DeviceId;
}

/** Namings by the hex of their device keys. */
export type DeviceNames = ReadonlyMap<string, DeviceNaming>;

/** Under what a device's naming is kept. */
export function namingKey(deviceKey: Uint8Array): string {
  return bytesToHex(deviceKey);
}

/**
 * Whether a naming takes the place of another one of the same device. A total order over what namings
 * hold, so that all who know the same ones agree, in whatever order these came.
 */
export function isNewerNaming(naming: DeviceNaming, than: DeviceNaming | undefined): boolean {
  if (than === undefined || naming.counter !== than.counter)
    return naming.counter > (than?.counter ?? 0);
  return naming.by === than.by ? naming.name > than.name : naming.by > than.by;
}

/**
 * The counter of a naming of a device that is given now: above the one there is. Namings of other devices have
 * no say, or one who gave the highest to a key of nobody's could spoil all names for good.
 */
export function nextNamingCounter(names: DeviceNames, deviceKey: Uint8Array): number {
  const { counter = 0 } = names.get(namingKey(deviceKey)) ?? {};
  return Math.min(counter + 1, DEVICE_NAME_COUNTER_MAX);
}

/** Writes a naming. */
export function writeNaming(writer: BinaryWriter, naming: DeviceNaming): BinaryWriter {
  const { deviceKey, name, counter, by } = naming;
  return writer.raw(deviceKey).text(name).varint(counter).u8(by);
}

/** Reads a naming; anything else fails the reader. */
export function readNaming(reader: BinaryReader): DeviceNaming {
  const deviceKey = reader.raw(32);
  const name = parseDeviceName(reader.text(DEVICE_NAME_BYTES_MAX));
  const counter = reader.varint();
  const by = readDeviceId(reader);
  const isFit = name.ok && counter > 0 && counter <= DEVICE_NAME_COUNTER_MAX;
  if (!isFit) reader.fail();
  return { deviceKey, name: name.ok ? name.value : NO_NAME, counter, by };
}

/** What a device tells of names: all it knows. Who knows better answers; an answer gets none for less. */
export interface NamesTold {
  readonly names: readonly DeviceNaming[];
  readonly isAnswer?: true;
}

/** Writes namings, their number first. */
export function writeNamings(writer: BinaryWriter, names: readonly DeviceNaming[]): BinaryWriter {
  writer.varint(names.length);
  for (const naming of names) writeNaming(writer, naming);
  return writer;
}

/** Reads what {@link writeNamings} wrote; too many fail the reader. */
export function readNamings(reader: BinaryReader): readonly DeviceNaming[] {
  const count = reader.varint();
  if (count > DEVICE_NAMES_MAX) reader.fail();
  const names: DeviceNaming[] = [];
  for (let i = 0; i < count && reader.isIntact(); i++) names.push(readNaming(reader));
  return names;
}

/** Writes what is told. */
export function writeNamesTold(writer: BinaryWriter, { names, isAnswer }: NamesTold): BinaryWriter {
  return writeNamings(writer.u8(isAnswer === true ? 1 : 0), names);
}

/** Reads it; anything else fails the reader. */
export function readNamesTold(reader: BinaryReader): NamesTold {
  const flag = reader.u8();
  if (flag > 1) reader.fail();
  const names = readNamings(reader);
  return flag === 1 ? { names, isAnswer: true } : { names };
}

/** What is told as the body of a send. */
export function encodeNamesTold(told: NamesTold): Uint8Array {
  return writeNamesTold(createWriter(), told).finish();
}

/** Reads such a body; nothing is told where it is malformed. */
export function decodeNamesTold(bytes: Uint8Array): NamesTold {
  const reader = createReader(bytes);
  const told = readNamesTold(reader);
  return reader.isDone() ? told : { names: [] };
}
