/**
 * Prints the seed first and the count last.
 *
 * A test file that could not even be loaded counts as one failure, and so does an error outside
 * any test; otherwise a suite that never ran would look green. With SIMSIM_TALLY set, the count
 * goes to that file instead, for a caller that adds it to its own.
 */
import { writeFileSync } from 'node:fs';
import { runs, seed } from './seed.mjs';
import { countLine } from './tally.mjs';

export default class CountReporter {
  onInit() {
    process.stdout.write(
      `seed ${seed}, ${runs} runs a property (SIMSIM_SEED, SIMSIM_RUNS change them)\n`,
    );
  }

  onTestRunEnd(modules, unhandledErrors) {
    const tally = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const module of modules) {
      if (module.errors().length > 0) tally.failed += 1;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed' || state === 'failed') tally[state] += 1;
        else tally.skipped += 1;
      }
    }
    const file = process.env['SIMSIM_TALLY'];
    if (file) writeFileSync(file, JSON.stringify(tally));
    else process.stdout.write(`\n${countLine(tally)}\n`);
  }
}
