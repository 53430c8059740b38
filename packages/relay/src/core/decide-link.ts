/** The mailbox of a device that is being linked: put once, taken once, gone after ten minutes. */

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
    const isSame = equalBytes(waiting.ciphertext, ciphertext);
    return isSame ? answer({ kind: 'putLink' }) : refuse('ID_REUSED');
  }
  const expiresAtMs = env.nowMs + LINK_LIFE_MS;
  return answer({ kind: 'putLink' }, [{ kind: 'linkPut', address, ciphertext, expiresAtMs }]);
}

/** Gives what waits, once. */
export function decideTakeLink({ request, slice, env }: DecisionInput<'takeLink'>): Decision {
  const { link } = slice;
  if (link === undefined || link.expiresAtMs <= env.nowMs) return answer({ kind: 'takeLink' });
  const { ciphertext } = link;
  const changes = [{ kind: 'linkTaken', address: request.address } as const];
  return answer({ kind: 'takeLink', ciphertext }, changes);
}
