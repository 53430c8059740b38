/**
 * A file on a disk that loses power: what programs see of it, what lasts, and every content that a
 * sector had in between. Which of them a crash leaves is decided when it comes.
 */

import type { Random } from './random.ts';

/** Something a sector held after a write that is not durable yet. */
interface SectorVersion {
  /** Number of the write, counted over the whole disk. */
  readonly stamp: number;
  readonly bytes: Uint8Array;
  /** Which bytes of the sector the write touched. */
  readonly from: number;
  readonly to: number;
}

/** How a crash treats what was not synced. */
export interface CrashStyle {
  /**
   * - `ordered`: writes up to `cut` last, later ones do not.
   * - `reordered`: each sector lasts on its own, with the chance of `keepIn`.
   */
  readonly order: 'ordered' | 'reordered';
  readonly cut: number;
  /** Keeps all but one sector in `keepIn` where positive, one sector in `-keepIn` where negative. */
  readonly keepIn: number;
  /** Sectors at the edge hold a mixture of before and after, or noise where it was written. */
  readonly tears: boolean;
}

/** Bytes that a medium writes as one, unless it tears them. */
const SECTOR_BYTES = 512;

/** One file. */
export class DiskFile {
  #content = new Uint8Array(0);
  #lasting = new Uint8Array(0);
  #size = 0;
  #lastingSize = 0;
  readonly #sizes: { readonly stamp: number; readonly size: number }[] = [];
  readonly #versions = new Map<number, SectorVersion[]>();
  /** Sectors that a failed sync dropped: programs see them, later syncs do not write them. */
  readonly #dropped = new Set<number>();

  /** A file that lasts as it is given; empty by default. */
  constructor(bytes: Uint8Array = new Uint8Array(0)) {
    this.#content = bytes.slice();
    this.#lasting = bytes.slice();
    this.#size = bytes.length;
    this.#lastingSize = bytes.length;
  }

  get size(): number {
    return this.#size;
  }

  /** The bytes there are of a range. */
  read(offset: number, length: number): Uint8Array {
    return this.#content.subarray(offset, Math.max(offset, Math.min(offset + length, this.#size)));
  }

  write(bytes: Uint8Array, offset: number, stamp: number): void {
    const end = offset + bytes.length;
    this.#content = grown(this.#content, end);
    this.#content.set(bytes, offset);
    this.#touch(offset, end, stamp);
    if (end > this.#size) this.#resize(end, stamp);
  }

  truncate(size: number, stamp: number): void {
    if (size < this.#size) {
      this.#content.fill(0, size, this.#size);
      this.#touch(size, this.#size, stamp);
    }
    this.#content = grown(this.#content, size);
    this.#resize(size, stamp);
  }

  /** Turns one bit over, in what programs see and in what lasts: the medium grows old. */
  rot(offset: number, bit: number): void {
    for (const bytes of [this.#content, this.#lasting]) {
      if (offset < bytes.length) bytes[offset] = (bytes[offset] ?? 0) ^ (1 << bit);
    }
  }

  /** What a sync that tells the truth does. */
  sync(): void {
    this.#lasting = grown(this.#lasting, this.#content.length);
    for (const sector of this.#versions.keys()) {
      if (this.#dropped.has(sector)) continue;
      const start = sector * SECTOR_BYTES;
      this.#lasting.set(this.#content.subarray(start, start + SECTOR_BYTES), start);
      this.#versions.delete(sector);
    }
    this.#lastingSize = this.#size;
    this.#sizes.length = 0;
  }

  /** What a sync that fails does: the system takes what it could not write for written. */
  dropUnsynced(): void {
    for (const sector of this.#versions.keys()) this.#dropped.add(sector);
  }

  /** The file as the next start of the machine finds it. */
  afterCrash(style: CrashStyle, random: Random): DiskFile {
    const size = this.#sizeAfter(style, random);
    const content = grown(this.#lasting.slice(), Math.max(size, this.#content.length));
    for (const [sector, versions] of this.#versions) {
      const start = sector * SECTOR_BYTES;
      const before = content.slice(start, start + SECTOR_BYTES);
      content.set(sectorAfter(before, versions, { style, random }), start);
    }
    return new DiskFile(content.subarray(0, size));
  }

  #resize(size: number, stamp: number): void {
    this.#size = size;
    this.#sizes.push({ stamp, size });
  }

  #touch(start: number, end: number, stamp: number): void {
    const sector = Math.floor(start / SECTOR_BYTES);
    const after = Math.ceil(end / SECTOR_BYTES);
    this.#content = grown(this.#content, after * SECTOR_BYTES);
    const written = this.#content.slice(sector * SECTOR_BYTES, after * SECTOR_BYTES);
    for (let at = 0; at < after - sector; at++) {
      const first = at * SECTOR_BYTES;
      const bytes = written.subarray(first, first + SECTOR_BYTES);
      const skipped = sector * SECTOR_BYTES + first;
      const [from, to] = [Math.max(start - skipped, 0), Math.min(end - skipped, SECTOR_BYTES)];
      const versions = this.#versions.get(sector + at);
      if (versions === undefined) this.#versions.set(sector + at, [{ stamp, bytes, from, to }]);
      else versions.push({ stamp, bytes, from, to });
      this.#dropped.delete(sector + at);
    }
  }

  #sizeAfter({ order, cut }: CrashStyle, random: Random): number {
    if (order === 'ordered') {
      return this.#sizes.findLast(({ stamp }) => stamp <= cut)?.size ?? this.#lastingSize;
    }
    return random.pick([this.#lastingSize, ...this.#sizes.map(({ size }) => size), this.#size]);
  }
}

function sectorAfter(
  before: Uint8Array,
  versions: readonly SectorVersion[],
  { style, random }: { readonly style: CrashStyle; readonly random: Random },
): Uint8Array {
  const { order, cut, keepIn, tears } = style;
  if (order === 'ordered') {
    const kept = versions.findLast(({ stamp }) => stamp < cut)?.bytes ?? before;
    const edge = versions.find(({ stamp }) => stamp === cut);
    if (edge === undefined) return kept;
    return tears ? torn(kept, edge, random) : random.pick([kept, edge.bytes]);
  }
  const lasts = keepIn > 0 ? !random.oneIn(keepIn) : random.oneIn(-keepIn);
  const last = random.oneIn(3) ? random.pick(versions) : versions[versions.length - 1];
  if (last === undefined) return before;
  if (tears && random.oneIn(4)) return torn(before, last, random);
  return lasts ? last.bytes : before;
}

/** A sector in the middle of being written. Bytes beside the write stay as they are. */
function torn(before: Uint8Array, { bytes, from, to }: SectorVersion, random: Random): Uint8Array {
  const edge = from + random.below(to - from + 1);
  const mixed = bytes.slice();
  switch (random.below(4)) {
    case 0:
      mixed.set(before.subarray(edge, to), edge);
      return mixed;
    case 1:
      mixed.set(before.subarray(from, edge), from);
      return mixed;
    case 2:
      for (let i = from; i < to; i++) mixed[i] = random.below(256);
      return mixed;
    default:
      return random.pick([before, bytes]);
  }
}

function grown(bytes: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  if (bytes.length >= length) return bytes;
  const larger = new Uint8Array(Math.max(length, 2 * bytes.length, 4096));
  larger.set(bytes);
  return larger;
}
