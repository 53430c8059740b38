import { expect, test, vi } from 'vitest';
import { HeadTeller } from './head-teller.ts';

test('own devices are told with the first send, with every 64th after it, and a minute after any', () => {
  vi.useFakeTimers();
  try {
    const abort = new AbortController();
    let told = 0;
    const teller = new HeadTeller(abort.signal, () => told++);
    vi.advanceTimersByTime(3_600_000);
    expect(told, 'a device that does not send says nothing').toBe(0);
    teller.sent();
    expect(told).toBe(1);
    for (let i = 0; i < 63; i++) teller.sent();
    expect(told).toBe(1);
    teller.sent();
    expect(told).toBe(2);
    vi.advanceTimersByTime(3_600_000);
    expect(told, 'nothing was untold').toBe(2);
    teller.sent();
    vi.advanceTimersByTime(59_999);
    expect(told).toBe(2);
    vi.advanceTimersByTime(1);
    expect(told).toBe(3);
    teller.sent();
    abort.abort();
    vi.advanceTimersByTime(3_600_000);
    expect(told).toBe(3);
  } finally {
    vi.useRealTimers();
  }
});
