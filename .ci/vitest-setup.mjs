/** Gives every property the run's seed and number of runs. */
import fc from 'fast-check';
import { runs, seed } from './seed.mjs';

fc.configureGlobal({ seed: seed | 0, numRuns: runs });
