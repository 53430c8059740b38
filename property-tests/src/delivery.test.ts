import fc from 'fast-check';
import { describe, it } from 'vitest';
import { playStory, stories } from './chaos.ts';

describe('delivery', () => {
  it('holds', () => {
    fc.assert(fc.property(stories(40), (story) => void playStory(story)), { endOnFailure: true });
  });
});
