/**
 * The mailbox of a device that is being linked: put once, taken once, gone after ten minutes. Who took it
 * and says so gets it again until then: it may not have had the answer.
 */

import { equalBytes } from '@simsim/bytes';
import { LINK_BYTES_MAX, LINK_LIFE_MS } from '@simsim/relay-protocol';
import type { CallerInput, Decision, DecisionInput } from './decision.ts';
import { answer, refuse } from './decision.ts';

/** Leaves ciphertext. Refuses: `TOO_LARGE`, `ID_REUSED` where other ciphertext waits. */
export function decidePutLink({ request, slice, env }: CallerInput<'putLink'>): Decision {
  const { address, ciphertext } = request;
  if (ciphertext.length > LINK_BYTES_MAX) return refuse('TOO_LARGE');
  const waiting = slice.link;
  if (waiting !== undefined && waiting.expiresAtMs > env.nowMs) {
    if (equalBytes(waiting.ciphertext, ciphertext)) return answer({ kind: 'putLink' });
    if (waiting.taker === undefined) return refuse('ID_REUSED');
  }
  const expiresAtMs = env.nowMs + LINK_LIFE_MS;
  return answer({ kind: 'putLink' }, [{ kind: 'linkPut', address, ciphertext, expiresAtMs }]);
}

/** Gives what waits, to one taker. */
export function decideTakeLink({ request, slice, env }: DecisionInput<'takeLink'>): Decision {
  const { link } = slice;
  const { address, taker } = request;
  if (link === undefined || link.expiresAtMs <= env.nowMs) return answer({ kind: 'takeLink' });
  const found = { kind: 'takeLink', ciphertext: link.ciphertext } as const;
  if (link.taker === undefined) {
    return answer(found, [{ kind: 'linkTaken', address, ...(taker && { taker }) }]);
  }
  const isRepeat = taker !== undefined && equalBytes(link.taker, taker);
  return answer(isRepeat ? found : { kind: 'takeLink' });
}
