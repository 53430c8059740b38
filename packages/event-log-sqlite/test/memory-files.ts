/** Files in memory of a process that can be killed at any of its operations. */

import type { FileSystem, Keychain } from '../src/index.ts';

export interface MemoryFiles {
  readonly files: FileSystem;
  readonly keychain: Keychain;
  /** What a later process finds. */
  readonly content: Map<string, Uint8Array>;
  readonly kept: Map<string, Uint8Array>;
  /** Operations that change something, so far. */
  operations(): number;
}

/** What an earlier process left, and how many changes this one lives to make. */
export interface MemoryFilesOptions {
  readonly content?: ReadonlyMap<string, Uint8Array>;
  readonly kept?: ReadonlyMap<string, Uint8Array>;
  readonly lives?: number;
}

export function memoryFiles(options: MemoryFilesOptions = {}): MemoryFiles {
  const { lives = Infinity } = options;
  const content = copyOf(options.content);
  const kept = copyOf(options.kept);
  let operations = 0;
  const change = (work: () => void): void => {
    if (operations >= lives) throw new Error('killed');
    operations++;
    work();
  };
  const found = (path: string): Uint8Array => {
    const bytes = content.get(path);
    if (bytes === undefined) throw Object.assign(new Error(`no ${path}`), { code: 'ENOENT' });
    return bytes;
  };
  const files: FileSystem = {
    exists: (path) => content.has(path),
    read: (path) => found(path).slice(),
    open(path, mode) {
      if (mode === 'create') change(() => content.set(path, new Uint8Array(0)));
      found(path);
      return {
        read: (offset, length) => found(path).slice(offset, offset + length),
        write: (bytes, offset) =>
          change(() => {
            const before = found(path);
            const after = new Uint8Array(Math.max(before.length, offset + bytes.length));
            after.set(before);
            after.set(bytes, offset);
            content.set(path, after);
          }),
        sync: () => undefined,
        close: () => undefined,
      };
    },
    rename: (from, to) =>
      change(() => {
        content.set(to, found(from));
        content.delete(from);
      }),
    remove: (path) => void content.delete(path),
    syncDirectoryOf: () => undefined,
  };
  const keychain: Keychain = {
    get: (name) => kept.get(name)?.slice(),
    set: (name, bytes) => change(() => kept.set(name, bytes.slice())),
    remove: (name) => change(() => kept.delete(name)),
  };
  return { files, keychain, content, kept, operations: () => operations };
}

function copyOf(
  from: ReadonlyMap<string, Uint8Array> = new Map<string, Uint8Array>(),
): Map<string, Uint8Array> {
  return new Map([...from].map(([name, bytes]) => [name, bytes.slice()]));
}
