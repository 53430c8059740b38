import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFolderNames } from './folder-names.ts';

describe('folder names', () => {
  it('are plain for plain names, safe for others, and apart where only letter case differs', () => {
    const names = createFolderNames();
    expect(
      ['bao', 'Bao', '../x', 'a b', '[nick]`', '大'].map((user) => names.folderOf(user)),
    ).toEqual(['bao', 'Bao~2', '%2E%2E%2Fx', 'a%20b', '%5Bnick%5D%60', '%E5%A4%A7']);
    expect(names.folderOf('Bao')).toBe('Bao~2');
  });

  it('are one path component each, and no two users share one', () => {
    const users = fc.uniqueArray(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 128 }));
    fc.assert(
      fc.property(users, (list) => {
        const names = createFolderNames();
        const folders = list.map((user) => names.folderOf(user).toLowerCase());
        expect(new Set(folders).size).toBe(list.length);
        for (const folder of folders) expect(folder).toMatch(/^[\w%~-]{1,200}$/);
      }),
    );
  });
});
