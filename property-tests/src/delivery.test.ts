/**
 * Every accepted message arrives exactly once at every listed device of its recipients and at the
 * sender's other devices, whatever the order, repeats, kills, links and removals; and what
 * {@link checkWorld} says of records, replay, reopening, queues and prekeys holds throughout.
 */

import { playStory, stories } from './chaos.ts';
import { testLaw } from './law.ts';

testLaw({
  name: 'delivery',
  cases: stories(40),
  check: (story, sabotage) => playStory(story, sabotage),
  saboteurs: [
    'drop-rejected-round',
    'send-to-stale',
    'skip-own-devices',
    'rewind-chain',
    'forget-dedupe',
    'new-session-each-initiation',
    'keep-one-time-key',
    'keep-one-time-kem-key',
    'keep-settled-send',
    'silent-user-change',
    'adopt-before-commit',
  ],
});
