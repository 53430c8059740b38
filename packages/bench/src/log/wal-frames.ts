/** Counting what commits write: the frames of a WAL file, read from the file itself. */

import { closeSync, openSync, readSync } from 'node:fs';

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const SALT_BYTES = 8;
/** Where the salts stand in the file's header, and in a frame's. */
const SALT_AT = 16;
const FRAME_SALT_AT = 8;
const PAGE_SIZE_AT = 8;
/** Not zero in the last frame of a commit: pages of the database after it. */
const PAGES_AT = 4;

/** Follows a WAL file. */
export interface WalCounter {
  /** Frames of each commit since the last call, oldest first. */
  commits(): readonly number[];
  close(): void;
}

/**
 * Starts counting after what is there now. After a checkpoint SQLite begins the file anew under new
 * salts; then commits are counted from its beginning, so ask after every commit.
 */
export function createWalCounter(path: string): WalCounter {
  const file = openSync(path, 'r');
  let salts = '';
  let at = HEADER_BYTES;

  const read = (position: number, length: number): Buffer => {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(file, bytes, 0, length, position));
  };
  const commits = (): number[] => {
    const header = read(0, HEADER_BYTES);
    if (header.length < HEADER_BYTES) return [];
    const frameBytes = FRAME_HEADER_BYTES + header.readUInt32BE(PAGE_SIZE_AT);
    const now = header.toString('hex', SALT_AT, SALT_AT + SALT_BYTES);
    if (now !== salts) [salts, at] = [now, HEADER_BYTES];
    const counts: number[] = [];
    let frames = 0;
    for (let next = at; ; next += frameBytes) {
      const frame = read(next, FRAME_HEADER_BYTES);
      const isLive =
        frame.length === FRAME_HEADER_BYTES &&
        frame.toString('hex', FRAME_SALT_AT, FRAME_SALT_AT + SALT_BYTES) === salts;
      if (!isLive) return counts;
      frames++;
      if (frame.readUInt32BE(PAGES_AT) === 0) continue;
      counts.push(frames);
      frames = 0;
      at = next + frameBytes;
    }
  };
  commits();
  return { commits, close: () => closeSync(file) };
}
