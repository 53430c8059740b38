/** The suite's own saboteurs: relays that break one promise each. Every one must be caught. */

import type { PostResult, RelayOutcome } from '@simsim/relay-protocol';
import { LASTING_SABOTEURS, LINE_SABOTEURS } from './broken-lines.ts';
import type { RelaySaboteur, Sabotage } from './detours.ts';
import { answering, asking, freshIds, lenient } from './detours.ts';

const ACCOUNT_SABOTEURS: readonly RelaySaboteur[] = [
  {
    name: 'gives a name away twice',
    caughtBy: ['an account is made once, and nobody else gets its name'],
    sabotage: lenient('USER_EXISTS'),
  },
  {
    name: 'takes any nonce',
    caughtBy: [
      'a nonce is good once, and only if the relay gave it',
      'a nonce ends after five minutes',
    ],
    sabotage: lenient('NONCE_UNKNOWN'),
  },
  {
    name: 'asks for no proof',
    caughtBy: ['whoever joins proves that the keys are theirs'],
    sabotage: lenient('BAD_PROOF'),
  },
  {
    name: 'lets anybody approve',
    caughtBy: ['a device joins by the word of a listed one, and of no other'],
    sabotage: lenient('BAD_APPROVAL'),
  },
  {
    name: 'takes every list',
    caughtBy: [
      'a list that changes more than its request may is refused',
      'a list out of order, or by a stranger, is refused',
    ],
    sabotage: lenient('BAD_LIST'),
  },
  {
    name: 'takes lists in any order',
    caughtBy: ['a list out of order, or by a stranger, is refused'],
    sabotage: lenient('LIST_MOVED'),
  },
  {
    name: 'takes lists of others, and tells everybody of them',
    caughtBy: [
      'a list out of order, or by a stranger, is refused',
      'lists of before are for listed devices, by their signature',
    ],
    sabotage: lenient('FORBIDDEN'),
  },
  {
    name: 'gives lists that it has altered',
    caughtBy: ['lists are signed and chained, and given where they changed'],
    sabotage: answering((outcome) => {
      if (!outcome.ok || outcome.value.kind !== 'getList') return outcome;
      const { result } = outcome.value;
      if (result.kind !== 'list') return outcome;
      const identitySignature = result.list.identitySignature.map((byte) => byte ^ 1);
      const list = { ...result.list, identitySignature };
      return { ok: true, value: { kind: 'getList', result: { kind: 'list', list } } };
    }),
  },
  {
    name: 'gives lists to those who have them',
    caughtBy: ['lists are signed and chained, and given where they changed'],
    sabotage: asking(
      () => (request, ask) => ask(request.kind === 'getList' ? { ...request, since: 0 } : request),
    ),
  },
  {
    name: 'answers whoever comes without a good token',
    caughtBy: [
      'a removed device is nobody from then on',
      'nobody does in a name what needs its token',
      'a renewed device keeps its mail, and its former token ends',
    ],
    sabotage: lenient('UNAUTHORIZED'),
  },
  {
    name: 'loses the mail of a renewed device',
    caughtBy: ['a renewed device keeps its mail, and its former token ends'],
    sabotage: asking(() => {
      let isRenewed = false;
      return (request, ask) => {
        if (request.kind === 'renewDevice') isRenewed = true;
        return isRenewed && request.kind === 'fetch' ? ask({ ...request, after: 9 }) : ask(request);
      };
    }),
  },
  {
    name: 'keeps no list but the newest',
    caughtBy: ['lists of before are for listed devices, by their signature'],
    sabotage: answering((outcome) => {
      if (!outcome.ok || outcome.value.kind !== 'getSuccession') return outcome;
      return { ok: true, value: { ...outcome.value, lists: outcome.value.lists.slice(-1) } };
    }),
  },
];

const SUCCESSION_SABOTEURS: readonly RelaySaboteur[] = [
  {
    name: 'loses what was sealed',
    caughtBy: ['whoever stays gets what the next identity key has for it'],
    sabotage: answering((outcome) => {
      if (!outcome.ok || outcome.value.kind !== 'getSuccession') return outcome;
      const { kind, lists } = outcome.value;
      return { ok: true, value: { kind, lists } };
    }),
  },
  {
    name: 'takes keys of any identity',
    caughtBy: ['prekeys that the former identity key signed are refused by name'],
    sabotage: asking(() => (request, ask) => {
      if (request.kind !== 'uploadKeys') return ask(request);
      return ask({ kind: 'uploadKeys', keys: request.keys });
    }),
  },
];

/** Results of posts are changed on their way. */
function resulting(change: (results: readonly PostResult[]) => readonly PostResult[]): Sabotage {
  return answering((outcome) => {
    if (!outcome.ok || outcome.value.kind !== 'post') return outcome;
    return { ok: true, value: { kind: 'post', results: change(outcome.value.results) } };
  });
}

const POST_SABOTEURS: readonly RelaySaboteur[] = [
  {
    name: 'posts to those devices that were named',
    caughtBy: [
      'a post goes to exactly the devices of a user, or nowhere',
      'a mismatch names missing, extra and stale at once, with the list',
    ],
    sabotage: asking(() => (request, ask) => {
      if (request.kind !== 'post') return ask(request);
      return ask({
        ...request,
        posts: request.posts.map((each) => ({ ...each, scope: 'device' })),
      });
    }),
  },
  {
    name: 'names stale devices in the next round only',
    caughtBy: ['a mismatch names missing, extra and stale at once, with the list'],
    sabotage: resulting((results) =>
      results.map((each) => (each.kind === 'mismatch' ? { ...each, stale: [] } : each)),
    ),
  },
  {
    name: 'takes a repeated post for another one',
    caughtBy: [
      'a post that is repeated is stored once and answered the same',
      'an accepted post and an answered claim are remembered for so long',
      'mail that was taken is there after a kill, once',
    ],
    sabotage: asking(() => freshIds().post),
  },
  {
    name: 'answers all posts of a request alike',
    caughtBy: ['posts of one request have ends of their own'],
    sabotage: resulting((results) => results.map((each) => results[0] ?? each)),
  },
  {
    name: 'says that it took what nobody can read',
    caughtBy: ['a post to one device needs that very incarnation of it'],
    sabotage: resulting((results) =>
      results.map((each) => (each.kind === 'gone' ? { kind: 'accepted', listVersion: 2 } : each)),
    ),
  },
  {
    name: 'gives the newest mail first',
    caughtBy: ['mail comes whole, in the order of the posts, with who sent it'],
    sabotage: answering((outcome) => {
      if (!outcome.ok || outcome.value.kind !== 'fetch') return outcome;
      const { value } = outcome;
      return { ok: true, value: { ...value, envelopes: value.envelopes.toReversed() } };
    }),
  },
  {
    name: 'forgets mail that was read',
    caughtBy: ['mail waits until it is acknowledged, and its numbers do not come back'],
    sabotage: asking(() => async (request, ask) => {
      const outcome = await ask(request);
      if (outcome.ok && outcome.value.kind === 'fetch') {
        await ask({ kind: 'ack', seqs: outcome.value.envelopes.map(({ seq }) => seq) });
      }
      return outcome;
    }),
  },
  {
    name: 'keeps no heads',
    caughtBy: [
      'the newest head of a device is kept, by its own word alone',
      'whom a relay knew it knows after a kill',
    ],
    sabotage: answering((outcome) => {
      if (!outcome.ok || outcome.value.kind !== 'exchangeHead') return outcome;
      return { ok: true, value: { kind: 'exchangeHead' } };
    }),
  },
  {
    name: 'lets both copies of a device post',
    caughtBy: ['of two copies of a device that post, the first stops the other'],
    sabotage: asking(() => (request, ask) => {
      if (request.kind !== 'post') return ask(request);
      return ask({ kind: 'post', posts: request.posts });
    }),
  },
  {
    name: 'gives what was left for a link once, whoever asks again',
    caughtBy: ['who took what was left for a link gets it again, and nobody else'],
    sabotage: asking(() => (request, ask) => {
      if (request.kind !== 'takeLink') return ask(request);
      return ask({ kind: 'takeLink', address: request.address });
    }),
  },
  {
    name: 'gives what was left for a link to everybody',
    caughtBy: [
      'what is left for a link is taken once',
      'who took what was left for a link gets it again, and nobody else',
    ],
    sabotage: asking(() => {
      let taken: RelayOutcome | undefined;
      return async (request, ask) => {
        const outcome = await ask(request);
        const hasAny = outcome.ok && outcome.value.kind === 'takeLink' && outcome.value.ciphertext;
        if (hasAny) taken = outcome;
        return request.kind === 'takeLink' ? (taken ?? outcome) : outcome;
      };
    }),
  },
];

const KEY_SABOTEURS: readonly RelaySaboteur[] = [
  {
    name: 'gives every key to two',
    caughtBy: [
      'a one-time prekey is taken once, however many ask at once',
      'a key that was given is not given again after a kill',
    ],
    sabotage: asking(() => {
      let claims = 0;
      let last: Promise<RelayOutcome> | undefined;
      return (request, ask) => {
        if (request.kind !== 'claimKeys') return ask(request);
        if (last === undefined || claims++ % 2 === 1) last = ask(request);
        return last;
      };
    }),
  },
  {
    name: 'gives the second oldest key',
    caughtBy: ['the oldest prekey goes first, and its bundle is what was uploaded'],
    sabotage: asking(() => {
      const { claim } = freshIds();
      let isFirst = true;
      return async (request, ask) => {
        if (request.kind === 'claimKeys' && isFirst)
          await claim(request, ask, { token: undefined });
        if (request.kind === 'claimKeys') isFirst = false;
        return ask(request);
      };
    }),
  },
  {
    name: 'has no last resort',
    caughtBy: ['the last resort is given where no one-time KEM prekey is left'],
    sabotage: answering((outcome) => {
      if (!outcome.ok || outcome.value.kind !== 'claimKeys') return outcome;
      const results = outcome.value.results.map((result) => {
        if (!('bundle' in result) || result.bundle.oneTimePreKey !== undefined) return result;
        const { kemPreKey: _, ...bundle } = result.bundle;
        return { ...result, bundle };
      });
      return { ok: true, value: { kind: 'claimKeys', results } };
    }),
  },
  {
    name: 'takes a repeated claim for another one',
    caughtBy: [
      'a claim that is repeated gives the same keys, and takes no others',
      'an accepted post and an answered claim are remembered for so long',
    ],
    sabotage: asking(() => freshIds().claim),
  },
  {
    name: 'says that it took every key',
    caughtBy: ['keys go up once, and an id never carries two'],
    sabotage: answering((outcome) => {
      if (!outcome.ok || outcome.value.kind !== 'uploadKeys') return outcome;
      const { value } = outcome;
      const kem = { ...value.kem, refusedIds: [] };
      return { ok: true, value: { ...value, refusedIds: [], isSignedPreKeyTaken: true, kem } };
    }),
  },
  {
    name: 'finds every key where it should be',
    caughtBy: ['a device can ask what the relay has of its keys'],
    sabotage: answering((outcome) => {
      if (!outcome.ok || outcome.value.kind !== 'checkKeys') return outcome;
      return { ok: true, value: { ...outcome.value, isSame: true } };
    }),
  },
  {
    name: 'goes on giving keys that were replaced',
    caughtBy: ['keys of a lost state go when their device replaces them'],
    sabotage: asking(() => (request, ask) => {
      if (request.kind !== 'uploadKeys') return ask(request);
      return ask({ kind: 'uploadKeys', keys: request.keys });
    }),
  },
];

/** At least one for each case. */
export const RELAY_SABOTEURS: readonly RelaySaboteur[] = [
  ...ACCOUNT_SABOTEURS,
  ...SUCCESSION_SABOTEURS,
  ...POST_SABOTEURS,
  ...KEY_SABOTEURS,
  ...LINE_SABOTEURS,
  ...LASTING_SABOTEURS,
];
