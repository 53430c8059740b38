/**
 * Locks and shared memory of the files of one disk, as SQLite's WAL wants them. All connections
 * live in one process here, so plain maps will do; memory is the module's own heap.
 */

/** Who holds which lock of a database file. */
export class FileLocks {
  readonly #levels = new Map<number, number>();

  level(handle: number): number {
    return this.#levels.get(handle) ?? 0;
  }

  /** Takes a level (1 shared, 2 reserved, 4 exclusive); false where another handle is in the way. */
  take(handle: number, level: number): boolean {
    const others = [...this.#levels].filter(([other]) => other !== handle).map(([, held]) => held);
    const limit = level === 1 ? 3 : level === 4 ? 1 : 2;
    if (others.some((held) => held >= limit)) return false;
    this.#levels.set(handle, Math.max(level, this.level(handle)));
    return true;
  }

  drop(handle: number, level: number): void {
    if (level === 0) this.#levels.delete(handle);
    else this.#levels.set(handle, Math.min(level, this.level(handle)));
  }

  isReserved(): boolean {
    return [...this.#levels.values()].some((held) => held >= 2);
  }
}

/** The eight locks of a wal-index: shared by several handles, or exclusive to one. */
export class WalLocks {
  readonly #shared = new Map<number, Set<number>>();
  readonly #exclusive = new Map<number, number>();

  take(handle: number, places: readonly number[], kind: 'shared' | 'exclusive'): boolean {
    const isFree = places.every((place) => {
      const owner = this.#exclusive.get(place);
      if (owner !== undefined && owner !== handle) return false;
      const readers = this.#shared.get(place);
      return kind === 'shared' || readers === undefined || [...readers].every((r) => r === handle);
    });
    if (!isFree) return false;
    for (const place of places) {
      if (kind === 'exclusive') this.#exclusive.set(place, handle);
      else this.#shared.set(place, (this.#shared.get(place) ?? new Set()).add(handle));
    }
    return true;
  }

  drop(handle: number, places: readonly number[], kind: 'shared' | 'exclusive'): void {
    for (const place of places) {
      if (kind === 'shared') this.#shared.get(place)?.delete(handle);
      else if (this.#exclusive.get(place) === handle) this.#exclusive.delete(place);
    }
  }
}
