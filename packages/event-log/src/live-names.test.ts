import { describe, expect, it } from 'vitest';
import { createLiveNames } from './live-names.ts';

const READ = [
  { id: 3, name: 'user/bo' },
  { id: 1, name: 'device' },
  { id: 4, name: 'send/2' },
  { id: 2, name: 'send/1' },
];

describe('names of live streams', () => {
  it('are found by how they begin, by id', () => {
    const names = createLiveNames();
    expect(names.withPrefix('send/', () => READ)).toEqual(['send/1', 'send/2']);
    expect(names.withPrefix('se', () => READ)).toEqual(['send/1', 'send/2']);
    expect(names.withPrefix('device', () => READ)).toEqual(['device']);
    expect(names.withPrefix('device/', () => READ)).toEqual([]);
    expect(names.withPrefix('send/12', () => READ)).toEqual([]);
    expect(names.withPrefix('', () => READ)).toEqual(['device', 'send/1', 'user/bo', 'send/2']);
  });

  it('are read once, and follow what is set', () => {
    const names = createLiveNames();
    let reads = 0;
    const read = (): typeof READ => {
      reads++;
      return READ;
    };
    names.withPrefix('send/', read);
    names.set({ id: 9, name: 'send/3', isClosed: false });
    names.set({ id: 2, name: 'send/1', isClosed: true });
    names.set({ id: 5, name: 'skip/a/1', isClosed: true });
    expect(names.withPrefix('send/', read)).toEqual(['send/2', 'send/3']);
    expect(reads).toBe(1);
  });

  it('are read again once they are forgotten', () => {
    const names = createLiveNames();
    names.set({ id: 9, name: 'send/3', isClosed: false });
    expect(names.withPrefix('send/', () => READ)).toEqual(['send/1', 'send/2']);
    names.forget();
    expect(names.withPrefix('send/', () => [])).toEqual([]);
  });

  it('are not half known where reading fails', () => {
    const names = createLiveNames();
    const failing = function* (): Iterable<(typeof READ)[number]> {
      yield { id: 1, name: 'send/0' };
      throw new Error('the medium failed');
    };
    expect(() => names.withPrefix('send/', failing)).toThrow('the medium failed');
    expect(names.withPrefix('send/', () => READ)).toEqual(['send/1', 'send/2']);
  });
});
