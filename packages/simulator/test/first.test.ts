import { expect, it } from 'vitest';
import { drawCase } from '../src/case/draw-case.ts';
import { runCase } from '../src/run-case.ts';
import { Situations } from '../src/case/situations.ts';

it('smoke', () => {
  const from = Number(process.env['FROM'] ?? 1);
  const n = Number(process.env['N'] ?? 50);
  const all = new Situations();
  const failures = new Map<string, string[]>();
  const start = performance.now();
  let delivered = 0;
  for (let seed = from; seed < from + n; seed++) {
    const one = drawCase(seed, { crypto: (process.env['CRYPTO'] ?? 'symbolic') as 'symbolic' });
    const t = performance.now();
    let r;
    try {
      r = runCase(one);
    } catch (e) {
      const msg = e instanceof Error ? (e.stack ?? '').split('\n').slice(0, 6).join('\n') : '';
      failures.set('THROW ' + msg, [...(failures.get('THROW ' + msg) ?? []), String(seed)]);
      continue;
    }
    const ms = performance.now() - t;
    if (ms > 3000) process.stdout.write(`seed ${seed} took ${ms.toFixed(0)} tasks ${r.tasks}\n`);
    delivered += r.delivered;
    all.add(r.situations);
    if (r.failure) {
      const k = r.failure.invariant;
      failures.set(k, [...(failures.get(k) ?? []), `${seed}: ${r.failure.detail}`]);
    }
  }
  const s = (performance.now() - start) / 1000;
  process.stdout.write(
    `${n} seeds ${s.toFixed(1)}s, ${delivered} delivered, ${(delivered / s).toFixed(0)}/s\n`,
  );
  for (const [k, v] of failures)
    process.stdout.write(`${k} x${v.length}: ${v.slice(0, 4).join('\n    ')}\n`);
  process.stdout.write('missing: ' + all.missing().join(', ') + '\n');
  expect(1).toBe(1);
});
