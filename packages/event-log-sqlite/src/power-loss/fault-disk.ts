/**
 * A disk in memory that loses power, lies, fails or fills up as a seed decides. It stands under the
 * real SQLite (by its VFS) and under the real vault (by its file seam) at once.
 */

import type { FileSystem } from '../index.ts';
import { DiskFile } from './disk-file.ts';
import type { CrashStyle } from './disk-file.ts';
import type { Random } from './random.ts';

/** What goes wrong with a disk. */
export interface Faults {
  /** Power fails in the middle of this operation, counted from 1; 0 is never. */
  readonly crashAt: number;
  readonly style: 'lost' | 'torn' | 'reordered';
  /** Syncs that fail, counted from 1. */
  readonly failSyncs: { readonly from: number; readonly count: number };
  /** One sync in so many says that it has written and has not; 0 is none. */
  readonly lieIn: number;
  /** Bytes that fit. */
  readonly capacity: number;
}

/** Nothing goes wrong. */
export const NO_FAULTS: Faults = {
  crashAt: 0,
  style: 'lost',
  failSyncs: { from: 0, count: 0 },
  lieIn: 0,
  capacity: Infinity,
};

/** An error as file systems throw it. */
export class DiskError extends Error {
  readonly code: 'EIO' | 'ENOSPC' | 'ENOENT' | 'EEXIST';
  constructor(code: DiskError['code'], what: string) {
    super(`${code}: ${what}`);
    this.code = code;
  }
}

/** What else a disk is made of. */
export interface DiskOptions {
  /** What lies on it; nothing by default. */
  readonly files?: ReadonlyMap<string, DiskFile>;
  /** Called for each operation, so that two runs of a seed can be compared. */
  readonly onStep?: (what: string) => void;
}

interface Naming {
  readonly stamp: number;
  readonly name: string;
  readonly file: DiskFile | undefined;
}

/** The disk. */
export class FaultDisk {
  readonly #random: Random;
  #faults: Faults;
  #names: Map<string, DiskFile>;
  readonly #lastingNames: Map<string, DiskFile>;
  readonly #namings: Naming[] = [];
  #operations = 0;
  #syncs = 0;
  #style: CrashStyle | undefined;
  /** How often each kind of thing happened, for the run's tally. */
  readonly met = { failedSyncs: 0, lies: 0, full: 0 };
  readonly #onStep: NonNullable<DiskOptions['onStep']>;

  constructor(random: Random, faults: Faults, options: DiskOptions = {}) {
    const { files = new Map<string, DiskFile>(), onStep = () => undefined } = options;
    this.#random = random;
    this.#faults = faults;
    this.#onStep = onStep;
    this.#names = new Map(files);
    this.#lastingNames = new Map(files);
  }

  get isDead(): boolean {
    return this.#style !== undefined;
  }

  /** Operations so far: what {@link Faults.crashAt} counts. */
  get operations(): number {
    return this.#operations;
  }

  /** Syncs so far: what {@link Faults.failSyncs} counts. */
  get syncs(): number {
    return this.#syncs;
  }

  /** Bytes that lie on it: what {@link Faults.capacity} is about. */
  get used(): number {
    let bytes = 0;
    for (const { size } of this.#names.values()) bytes += size;
    return bytes;
  }

  /** What lies on it, in order. */
  names(): string[] {
    return [...this.#names.keys()].toSorted();
  }

  /** Its files, as a program that copies them reads them. */
  copies(): Map<string, Uint8Array> {
    return new Map([...this.#names].map(([name, file]) => [name, file.read(0, file.size).slice()]));
  }

  /** From now on other things go wrong. */
  suffer(faults: Partial<Faults>): void {
    this.#faults = { ...this.#faults, ...faults };
  }

  /** Pulls the plug now, where it has not been pulled before. */
  pullPlug(): void {
    this.#style ??= this.#crashStyle();
  }

  /** The disk as the machine finds it when it starts again. */
  restarted(faults: Faults): FaultDisk {
    this.pullPlug();
    const style = this.#style ?? this.#crashStyle();
    const lasting = new Map(this.#lastingNames);
    const known = style.order === 'ordered' ? style.cut : this.#random.below(this.#operations + 1);
    for (const { stamp, name, file } of this.#namings) {
      if (stamp > known) break;
      if (file === undefined) lasting.delete(name);
      else lasting.set(name, file);
    }
    const files = [...lasting].map(([name, file]): [string, DiskFile] => [
      name,
      file.afterCrash(style, this.#random),
    ]);
    return new FaultDisk(this.#random, faults, { files: new Map(files), onStep: this.#onStep });
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  find(name: string): DiskFile | undefined {
    this.#checkAlive();
    return this.#names.get(name);
  }

  make(name: string): DiskFile {
    const file = new DiskFile();
    this.#step('make', name);
    this.#name(name, file);
    this.#checkAlive();
    return file;
  }

  remove(name: string): void {
    this.#step('remove', name);
    this.#name(name, undefined);
    this.#checkAlive();
  }

  rename(from: string, to: string): void {
    const file = this.find(from);
    if (file === undefined) throw new DiskError('ENOENT', from);
    this.#step('rename', to);
    // One step of the directory's journal: both names change, or none.
    this.#name(to, file);
    this.#name(from, undefined);
    this.#checkAlive();
  }

  write(file: DiskFile, bytes: Uint8Array, offset: number): void {
    this.#step('write', `${offset}+${bytes.length}`);
    const room = this.#faults.capacity - this.used + file.size;
    const fits = Math.max(0, Math.min(bytes.length, Math.max(room, file.size) - offset));
    file.write(bytes.subarray(0, fits), offset, this.#operations);
    this.#checkAlive();
    if (fits < bytes.length) {
      this.met.full++;
      throw new DiskError('ENOSPC', 'no space left');
    }
  }

  truncate(file: DiskFile, size: number): void {
    this.#step('truncate', `${size}`);
    file.truncate(size, this.#operations);
    this.#checkAlive();
  }

  sync(file: DiskFile): void {
    this.#step('sync', `${file.size}`);
    this.#checkAlive();
    switch (this.#syncFate()) {
      case 'done':
        file.sync();
        return;
      case 'lied':
        return;
      case 'failed':
        file.dropUnsynced();
        throw new DiskError('EIO', 'sync');
    }
  }

  syncDirectory(): void {
    this.#step('sync', 'directory');
    this.#checkAlive();
    const fate = this.#syncFate();
    if (fate === 'failed') throw new DiskError('EIO', 'sync of the directory');
    if (fate === 'lied') return;
    for (const { name, file } of this.#namings.splice(0)) {
      if (file === undefined) this.#lastingNames.delete(name);
      else this.#lastingNames.set(name, file);
    }
  }

  #name(name: string, file: DiskFile | undefined): void {
    if (file === undefined) this.#names.delete(name);
    else this.#names.set(name, file);
    this.#namings.push({ stamp: this.#operations, name, file });
  }

  #step(what: string, detail: string): void {
    this.#checkAlive();
    this.#operations++;
    this.#onStep(`${what} ${detail}`);
    if (this.#operations === this.#faults.crashAt) this.pullPlug();
  }

  #checkAlive(): void {
    if (this.#style !== undefined) throw new DiskError('EIO', 'there is no power');
  }

  #syncFate(): 'done' | 'lied' | 'failed' {
    this.#syncs++;
    const { failSyncs, lieIn } = this.#faults;
    if (this.#syncs >= failSyncs.from && this.#syncs < failSyncs.from + failSyncs.count) {
      this.met.failedSyncs++;
      return 'failed';
    }
    if (lieIn === 0 || !this.#random.oneIn(lieIn)) return 'done';
    this.met.lies++;
    return 'lied';
  }

  #crashStyle(): CrashStyle {
    const random = this.#random;
    const { style } = this.#faults;
    const order = style === 'reordered' || (style === 'torn' && random.oneIn(2));
    // Half of the time the crash hits what is being done, else something a little earlier.
    const back = random.oneIn(2) ? 0 : random.below(40);
    return {
      order: order ? 'reordered' : 'ordered',
      cut: this.#operations - back,
      keepIn: random.pick([-8, -2, 2, 8, 30]),
      tears: style === 'torn',
    };
  }
}

/** The disk as the vault and the store of one process see it, until the process is killed. */
export function filesOf(disk: FaultDisk, isKilled: () => boolean = () => false): FileSystem {
  const checkAlive = (): void => {
    if (isKilled()) throw new DiskError('EIO', 'the process is dead');
  };
  const found = (path: string): DiskFile => {
    const file = disk.find(path);
    if (file === undefined) throw new DiskError('ENOENT', path);
    return file;
  };
  return {
    exists: (path) => disk.has(path),
    read(path) {
      const file = found(path);
      return file.read(0, file.size).slice();
    },
    open(path, mode) {
      if (mode === 'create' && disk.find(path) !== undefined) throw new DiskError('EEXIST', path);
      const file = mode === 'create' ? disk.make(path) : found(path);
      return {
        read(offset, length) {
          checkAlive();
          return file.read(offset, length).slice();
        },
        write(bytes, offset) {
          checkAlive();
          disk.write(file, bytes, offset);
        },
        sync() {
          checkAlive();
          disk.sync(file);
        },
        close: () => undefined,
      };
    },
    rename: (from, to) => disk.rename(from, to),
    remove(path) {
      if (disk.find(path) !== undefined) disk.remove(path);
    },
    syncDirectoryOf: () => disk.syncDirectory(),
  };
}
