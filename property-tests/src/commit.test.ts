/**
 * A commit that fails changes nothing, and the same inputs succeed afterwards: every single commit
 * of a story is first made to fail, by a kill before it or by a tip that moved.
 */

import fc from 'fast-check';
import type { Sabotage } from '@simsim/sesame';
import { playStory, stories } from './chaos.ts';
import type { Story } from './chaos.ts';
import { testLaw } from './law.ts';

interface Case {
  readonly story: Story;
  readonly rehearsal: 'before' | 'moved';
}

const cases: fc.Arbitrary<Case> = fc.record({
  story: stories(16),
  rehearsal: fc.constantFrom('before', 'moved'),
});

testLaw({ name: 'commit', cases, check, saboteurs: ['adopt-before-commit'] });

function check({ story, rehearsal }: Case, sabotage: readonly Sabotage[]): void {
  playStory(story, sabotage, rehearsal);
}
