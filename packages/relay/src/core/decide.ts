/** The relay's decisions, one family a file. Pure: a slice and a clock in, data out. */

import type { RelayRequest } from '@simsim/relay-protocol';
import { NEEDS_TOKEN } from '@simsim/relay-protocol';
import { decideCreateAccount, decideNonce, readsForCreateAccount } from './decide-account.ts';
import {
  decideAddDevice,
  decideGetList,
  decideRemoveDevice,
  readsForAddDevice,
  readsForRemoveDevice,
} from './decide-devices.ts';
import {
  decideClaimKeys,
  decideCheckKeys,
  decideUploadKeys,
  readsForClaimKeys,
  readsForCheckKeys,
  readsForUploadKeys,
} from './decide-keys.ts';
import { decideExchangeHead, readsForExchangeHead } from './decide-heads.ts';
import { decidePutLink, decideTakeLink } from './decide-link.ts';
import { decideAck, decideFetch, readsForFetch } from './decide-mail.ts';
import { decidePosts, readsForPosts } from './decide-posts.ts';
import {
  decideGetSignedKeys,
  decideGetSuccession,
  readsForGetSignedKeys,
  readsForGetSuccession,
} from './decide-succession.ts';
import { decideRenewDevice, readsForRenewDevice } from './decide-renewal.ts';
import type { Decision, Reads, RelayCall, RelayEnv } from './decision.ts';
import { refuse } from './decision.ts';
import type { DeviceAddress, Slice, SliceQuery } from './slice.ts';

/** What must be read before a call can be decided. */
export function sliceFor(call: RelayCall): SliceQuery {
  const reads = readsFor(call.request);
  return call.tokenHash === undefined ? reads : { ...reads, tokenHash: call.tokenHash };
}

/** Decides a call over its slice. Total: every request gets an answer or a named refusal. */
export function decide(slice: Slice, call: RelayCall, env: RelayEnv): Decision {
  const { request } = call;
  if (NEEDS_TOKEN[request.kind]) {
    return slice.caller === undefined
      ? refuse('UNAUTHORIZED')
      : decideForCaller({ slice, request, env, caller: slice.caller });
  }
  switch (request.kind) {
    case 'nonce':
      return decideNonce({ request, slice, env });
    case 'createAccount':
      return decideCreateAccount({ request, slice, env });
    case 'addDevice':
      return decideAddDevice({ request, slice, env });
    case 'renewDevice':
      return decideRenewDevice({ request, slice, env });
    case 'getList':
      return decideGetList({ request, slice, env });
    case 'getSuccession':
      return decideGetSuccession({ request, slice, env });
    case 'takeLink':
      return decideTakeLink({ request, slice, env });
    case 'removeDevice':
    case 'uploadKeys':
    case 'checkKeys':
    case 'claimKeys':
    case 'getSignedKeys':
    case 'post':
    case 'fetch':
    case 'ack':
    case 'putLink':
    case 'exchangeHead':
      return refuse('UNAUTHORIZED');
  }
}

interface CallerCall {
  readonly slice: Slice;
  readonly request: RelayRequest;
  readonly env: RelayEnv;
  readonly caller: DeviceAddress;
}

function decideForCaller({ slice, request, env, caller }: CallerCall): Decision {
  switch (request.kind) {
    case 'removeDevice':
      return decideRemoveDevice({ request, slice, env, caller });
    case 'uploadKeys':
      return decideUploadKeys({ request, slice, env, caller });
    case 'checkKeys':
      return decideCheckKeys({ request, slice, env, caller });
    case 'claimKeys':
      return decideClaimKeys({ request, slice, env, caller });
    case 'getSignedKeys':
      return decideGetSignedKeys({ request, slice, env, caller });
    case 'post':
      return decidePosts({ request, slice, env, caller });
    case 'fetch':
      return decideFetch({ request, slice, env, caller });
    case 'ack':
      return decideAck({ request, slice, env, caller });
    case 'putLink':
      return decidePutLink({ request, slice, env, caller });
    case 'exchangeHead':
      return decideExchangeHead({ request, slice, env, caller });
    case 'nonce':
    case 'createAccount':
    case 'addDevice':
    case 'renewDevice':
    case 'getList':
    case 'getSuccession':
    case 'takeLink':
      return refuse('UNAUTHORIZED');
  }
}

function readsFor(request: RelayRequest): Reads {
  switch (request.kind) {
    case 'nonce':
      return { countsNonces: true };
    case 'createAccount':
      return readsForCreateAccount(request);
    case 'addDevice':
      return readsForAddDevice(request);
    case 'renewDevice':
      return readsForRenewDevice(request);
    case 'removeDevice':
      return readsForRemoveDevice(request);
    case 'getList':
      return { users: [request.userId] };
    case 'getSuccession':
      return readsForGetSuccession(request);
    case 'getSignedKeys':
      return readsForGetSignedKeys(request);
    case 'uploadKeys':
      return readsForUploadKeys(request);
    case 'checkKeys':
      return readsForCheckKeys();
    case 'claimKeys':
      return readsForClaimKeys(request);
    case 'post':
      return readsForPosts(request);
    case 'fetch':
      return readsForFetch(request);
    case 'ack':
      return {};
    case 'exchangeHead':
      return readsForExchangeHead();
    case 'putLink':
    case 'takeLink':
      return { link: request.address };
  }
}
