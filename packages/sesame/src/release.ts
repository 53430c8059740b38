/**
 * How a release of this software writes events and reads them. There is one that ships; simulations of
 * an upgrade bring another.
 */

import type { Result } from '@simsim/bytes';
import { encodeFact, eventSchema, readFact } from './fact-codec.ts';
import type { EventName, Fact } from './fact-codec.ts';
import type { FactRejection, RecordedFact } from './fact-table-codec.ts';

/** What decides the form of a log's events. */
export interface Release {
  /** The schema that events of this name are written with. */
  schemaOf(name: EventName): number;
  /** Encodes facts in that schema. A missing field is a bug and throws. */
  encode(fact: Fact): Uint8Array;
  /** Reads an event of any schema there ever was; see {@link readFact}. Never throws. */
  read(event: RecordedFact): Result<Fact, FactRejection>;
}

/** This release. */
export const TODAY: Release = { schemaOf: eventSchema, encode: encodeFact, read: readFact };
