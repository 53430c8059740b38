/** Names of device folders: `<user>.<device>`, safe on every file system. */

import { createHash } from 'node:crypto';

/** A component stays well below the 255 bytes of common file systems. */
const NAME_CHARS_MAX = 160;

/** Gives each user a folder name of its own, also where letter case does not count. */
export interface FolderNames {
  folderOf(user: string): string;
}

/** Starts with no name taken. */
export function createFolderNames(): FolderNames {
  const nameByUser = new Map<string, string>();
  const taken = new Set<string>();
  return {
    folderOf(user) {
      const known = nameByUser.get(user);
      if (known !== undefined) return known;
      const plain = escapeName(user);
      let name = plain;
      for (let i = 2; taken.has(name.toLowerCase()); i++) name = `${plain}~${i}`;
      taken.add(name.toLowerCase());
      nameByUser.set(user, name);
      return name;
    },
  };
}

/** Keeps letters, digits, `_` and `-`; every other character becomes its percent-coded bytes. */
function escapeName(user: string): string {
  const escaped = encodeURIComponent(user).replaceAll(
    /[^A-Za-z0-9_%-]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  if (escaped.length <= NAME_CHARS_MAX) return escaped;
  const digest = createHash('sha256').update(user).digest('hex').slice(0, 16);
  return `${escaped.slice(0, NAME_CHARS_MAX - 17)}-${digest}`;
}
