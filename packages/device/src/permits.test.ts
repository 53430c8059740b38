import { describe, expect, it } from 'vitest';
import { Permits } from './permits.ts';

/** Some pieces of work that end when they are told to. */
function createWork(permits: Permits, count: number): { begun: number[]; end: (() => void)[] } {
  const begun: number[] = [];
  const end: (() => void)[] = [];
  for (let i = 0; i < count; i++) {
    void permits.with(async () => {
      begun.push(i);
      await new Promise<void>((resolve) => (end[i] = resolve));
    });
  }
  return { begun, end };
}

/** Everything that is due has come. */
const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe('permits', () => {
  it('let so many work at a time, and the others after them in their order', async () => {
    const { begun, end } = createWork(new Permits(2), 5);
    await settled();
    expect(begun).toEqual([0, 1]);
    end[1]?.();
    await settled();
    expect(begun).toEqual([0, 1, 2]);
    end[0]?.();
    end[2]?.();
    await settled();
    expect(begun).toEqual([0, 1, 2, 3, 4]);
  });

  it('come back when nobody waits', async () => {
    const permits = new Permits(1);
    expect(await permits.with(async () => 'open')).toBe('open');
    expect(await permits.with(async () => 'sesame')).toBe('sesame');
  });

  it('come back where work fails', async () => {
    const permits = new Permits(1);
    const failed = permits.with(() => Promise.reject(new Error('no answer')));
    const next = permits.with(async () => 'open');
    await expect(failed).rejects.toThrow('no answer');
    expect(await next).toBe('open');
  });
});
