import { describe, expect, it } from 'vitest';
import { textTable } from './text-table.ts';

const columns = [
  { heading: 'user', align: 'left' },
  { heading: 'said', align: 'right' },
  { heading: 'lost', align: 'right' },
] as const;
const rows = [
  ['a-rather-long-name', '12', '0'],
  ['包子', '3', '10'],
];

describe('a table', () => {
  it('aligns its columns, wide characters included', () => {
    expect(textTable(columns, rows, 80)).toEqual([
      'user                said  lost',
      'a-rather-long-name    12     0',
      '包子                   3    10',
    ]);
  });

  it('cuts the first column on a narrow terminal, then leaves columns out', () => {
    expect(textTable(columns, rows, 22)).toEqual([
      'user        said  lost',
      'a-rather-…    12     0',
      '包子           3    10',
    ]);
    expect(textTable(columns, rows, 15)).toEqual([
      'user       said',
      'a-rather…    12',
      '包子          3',
    ]);
  });

  it('never gets wider than the terminal', () => {
    for (let width = 10; width < 40; width++) {
      const wide = textTable(columns, rows, width).filter((line) => line.length > width);
      expect(wide).toEqual([]);
    }
  });
});
