/** Who a relay believes: accounts, devices, their lists and tokens. */

import { check, same } from '@simsim/bytes/conformance';
import { crypto } from '@simsim/crypto/auto';
import type { RefusalCode, RelayRequest } from '@simsim/relay-protocol';
import { deviceListHash, findDevice, verifyDeviceList } from '@simsim/relay-protocol';
import { deviceIdOf, TestUser, userIdOf } from './people.ts';
import { flipped, onRelay } from './relay-bed.ts';
import type { BareRelayCase, RelayHooks } from './relay-hooks.ts';

/** The cases. */
export const ACCOUNT_CASES: readonly BareRelayCase<RelayHooks>[] = [
  onRelay('an account is made once, and nobody else gets its name', async (bed) => {
    const cassim = new TestUser('cassim');
    const request = cassim.createAccount(cassim.makeDevice(1), await bed.nonce());
    await bed.ask(request);
    await bed.ask(request);
    const thief = new TestUser('cassim', 'thief');
    const other = thief.createAccount(thief.makeDevice(1), await bed.nonce());
    await bed.refused('USER_EXISTS', other);
    await bed.refused('USER_EXISTS', { ...request, tokenHash: flipped(request.tokenHash) });
    const { result } = await bed.ask({ kind: 'getList', userId: cassim.userId, since: 0 });
    same(result, { kind: 'list', list: cassim.list }, 'the list of the name');
  }),
  onRelay('a nonce is good once, and only if the relay gave it', async (bed) => {
    const [ali, baba] = [new TestUser('ali'), new TestUser('baba')];
    const nonce = await bed.nonce();
    same((await bed.nonce()).length, 32, 'bytes of a nonce');
    await bed.ask(ali.createAccount(ali.makeDevice(1), nonce));
    await bed.refused('NONCE_UNKNOWN', baba.createAccount(baba.makeDevice(1), nonce));
    const invented = baba.createAccount(baba.makeDevice(1), flipped(await bed.nonce()));
    await bed.refused('NONCE_UNKNOWN', invented);
    await bed.ask(baba.createAccount(baba.makeDevice(1), await bed.nonce()));
  }),
  onRelay('whoever joins proves that the keys are theirs', async (bed) => {
    const { user: ali, device: phone } = await bed.user('ali');
    const baba = new TestUser('baba');
    const first = baba.createAccount(baba.makeDevice(1), await bed.nonce());
    const next = ali.addDevice(ali.makeDevice(2), phone, await bed.nonce());
    const wrong: readonly RelayRequest[] = [
      { ...first, identityProof: flipped(first.identityProof) },
      { ...first, deviceProof: flipped(first.deviceProof) },
      { ...first, tokenHash: flipped(first.tokenHash) },
      { ...first, keys: phone.keys },
      { ...next, deviceProof: flipped(next.deviceProof) },
      { ...next, tokenHash: flipped(next.tokenHash) },
      { ...next, keys: phone.keys },
    ];
    for (const request of wrong) await bed.refused('BAD_PROOF', request);
    await bed.ask(first);
    await bed.ask(next);
  }),
  onRelay('a device joins by the word of a listed one, and of no other', async (bed) => {
    const { user: ali, device: phone } = await bed.user('ali');
    const tablet = ali.makeDevice(2);
    const good = ali.addDevice(tablet, phone, await bed.nonce());
    const { approval } = good;
    await bed.refused('BAD_APPROVAL', ali.addDevice(tablet, tablet, await bed.nonce()));
    const forged = { ...approval, signature: flipped(approval.signature) };
    await bed.refused('BAD_APPROVAL', { ...good, approval: forged });
    const swapped = { ...approval, deviceId: deviceIdOf(4) };
    await bed.refused('BAD_APPROVAL', { ...good, approval: swapped });
    await bed.ask(good);
    await bed.ask(good);
    ali.list = good.list;
    await bed.refused('DEVICE_EXISTS', { ...good, deviceId: phone.deviceId });
    await bed.remove(ali, 1, tablet);
    const late = ali.addDevice(ali.makeDevice(3), phone, await bed.nonce());
    await bed.refused('BAD_APPROVAL', late);
  }),
  onRelay('a list that changes more than its request may is refused', async (bed) => {
    const { user: ali, device: phone } = await bed.user('ali');
    const tablet = await bed.join(ali, 2, phone);
    const [desk, other] = [ali.makeDevice(3), ali.makeDevice(4)];
    const joining = ali.addDevice(desk, phone, await bed.nonce());
    const listed = [phone.entry, tablet.entry];
    const altered = { ...tablet.entry, registrationId: 9 };
    const additions = [
      [...listed, desk.entry, other.entry],
      [phone.entry, altered, desk.entry],
      [desk.entry],
      listed,
    ];
    for (const entries of additions) {
      const list = ali.nextList(entries, phone);
      await bed.refused('BAD_LIST', { ...joining, list });
    }
    for (const entries of [listed, [phone.entry, other.entry], [altered]]) {
      const list = ali.nextList(entries, phone);
      await bed.refused('BAD_LIST', { kind: 'removeDevice', list }, phone);
    }
    const { result } = await bed.ask({ kind: 'getList', userId: ali.userId, since: 0 });
    same(result, { kind: 'list', list: ali.list }, 'the list after refusals');
  }),
  onRelay('a list out of order, or by a stranger, is refused', async (bed) => {
    const { user: ali, device: phone } = await bed.user('ali');
    const { device: stranger } = await bed.user('baba');
    const tablet = await bed.join(ali, 2, phone);
    const old = ali.removeDevice(2, phone);
    const third = await bed.join(ali, 3, phone);
    await bed.refused('LIST_MOVED', old, phone);
    const good = ali.removeDevice(2, phone);
    const ahead = { ...good.list.list, version: good.list.list.version + 1 };
    await bed.refused('LIST_MOVED', { ...good, list: ali.sign(ahead, phone) }, phone);
    const unchained = { ...good.list.list, previous: flipped(good.list.list.previous) };
    await bed.refused('BAD_LIST', { ...good, list: ali.sign(unchained, phone) }, phone);
    await bed.refused('FORBIDDEN', good, tablet);
    await bed.refused('FORBIDDEN', good, stranger);
    const { list } = good;
    const forged = [
      { ...list, deviceSignature: flipped(list.deviceSignature) },
      { ...list, identitySignature: flipped(list.identitySignature) },
    ];
    for (const bad of forged) await bed.refused('BAD_LIST', { ...good, list: bad }, phone);
    await bed.ask(good, phone);
    same(third.deviceId, good.list.list.devices.at(-1)?.deviceId, 'the device that stays');
  }),
  onRelay('lists are signed and chained, and given where they changed', async (bed) => {
    const { user: ali, device: phone } = await bed.user('ali');
    const first = ali.current();
    const tablet = await bed.join(ali, 2, phone);
    const get = async (since: number, userId = ali.userId): Promise<unknown> =>
      (await bed.ask({ kind: 'getList', userId, since })).result;
    const { result } = await bed.ask({ kind: 'getList', userId: ali.userId, since: 1 });
    check(result.kind === 'list', 'a list that changed is given');
    same(result.list, ali.list, 'the list, byte for byte');
    const { list } = result.list;
    same(list.previous, deviceListHash(first, crypto), 'the link to the list before');
    same(findDevice(list, tablet.deviceId), tablet.entry, 'the entry of the new device');
    const verdict = verifyDeviceList({ signed: result.list, previous: first }, crypto);
    check(verdict.ok, 'the list verifies against the one before');
    same(await get(2), { kind: 'unchanged' }, 'a list that did not change');
    same(await get(0, userIdOf('nobody')), { kind: 'unknownUser' }, 'the list of nobody');
  }),
  onRelay('a removed device is nobody from then on', async (bed) => {
    const { user: ali, device: phone } = await bed.user('ali');
    const tablet = await bed.join(ali, 2, phone);
    const line = bed.line(tablet);
    await bed.posted(phone, ali.postTo(ali.userId, [tablet.entry]));
    same(await bed.waiting(tablet), [1], 'mail of a device that is listed');
    await bed.remove(ali, 2, phone);
    await bed.refused('UNAUTHORIZED', { kind: 'fetch', after: 0, limit: 1 }, tablet);
    await bed.refused('UNAUTHORIZED', { kind: 'ack', seqs: [1] }, tablet);
    let event = await line.next('the end of the line of a removed device');
    while (event.kind !== 'down') event = await line.next('the end of the line');
    same(event.end, 'unauthorized', 'how the line of a removed device ends');
    same(await bed.line(tablet).end('a line of a removed device'), 'unauthorized', 'its next line');
    const again = await bed.join(ali, 2, phone);
    same(await bed.waiting(again), [], 'mail of a later device with that id');
  }),
  onRelay('nobody does in a name what needs its token', async (bed) => {
    const { user: ali, device: phone } = await bed.user('ali');
    const stranger = { token: ali.entropy(32) };
    const requests: readonly RelayRequest[] = [
      { kind: 'fetch', after: 0, limit: 1 },
      { kind: 'ack', seqs: [1] },
      { kind: 'post', posts: [ali.postTo(ali.userId, [])] },
      { kind: 'uploadKeys', keys: phone.keys },
      { kind: 'checkKeys', digest: ali.entropy(32) },
      { kind: 'exchangeHead', head: ali.head(phone, 1) },
      { kind: 'putLink', address: ali.entropy(16), ciphertext: ali.entropy(9) },
      { kind: 'getSignedKeys', devices: [phone.deviceId] },
      ali.removeDevice(9, phone),
    ];
    for (const request of requests) {
      await bed.refused('UNAUTHORIZED', request);
      await bed.refused('UNAUTHORIZED', request, stranger);
    }
  }),
  onRelay('a renewed device keeps its mail, and its former token ends', async (bed) => {
    const { user: ali, device: phone } = await bed.user('ali');
    const tablet = await bed.join(ali, 2, phone);
    await bed.posted(tablet, ali.postTo(ali.userId, [phone.entry]));
    const { renewed, request } = ali.renewDevice(phone, await bed.nonce());
    const refusals: readonly (readonly [RefusalCode, RelayRequest])[] = [
      ['NONCE_UNKNOWN', { ...request, nonce: ali.entropy(32) }],
      ['BAD_PROOF', { ...request, deviceProof: flipped(request.deviceProof) }],
      ['BAD_PROOF', { ...request, tokenHash: flipped(request.tokenHash) }],
    ];
    for (const [code, bad] of refusals) await bed.refused(code, bad);
    await bed.ask(request);
    await bed.ask(request);
    ali.list = request.list;
    await bed.refused('UNAUTHORIZED', { kind: 'fetch', after: 0, limit: 1 }, phone);
    same(await bed.waiting(renewed), [1], 'the mail of a renewed device');
    const [stale] = await bed.post(tablet, ali.postTo(ali.userId, [phone.entry]));
    check(stale?.kind === 'mismatch', 'posts to the former incarnation are refused');
    same(stale.stale, [phone.deviceId], 'stale devices');
  }),
  onRelay('lists of before are for listed devices, by their signature', async (bed) => {
    const { user: ali, device: phone } = await bed.user('ali');
    const first = ali.list;
    const tablet = await bed.join(ali, 2, phone);
    const { lists } = await bed.ask(ali.askSuccession(tablet, 1));
    same(lists, [first, ali.list], 'the lists from the first on');
    same((await bed.ask(ali.askSuccession(phone, 2))).lists, [ali.list], 'the newest list');
    await bed.refused('FORBIDDEN', ali.askSuccession(phone, 1, tablet.deviceKey));
    await bed.remove(ali, 2, phone);
    await bed.refused('FORBIDDEN', ali.askSuccession(tablet, 1));
  }),
];
