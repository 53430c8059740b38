/** Contents of messages, of every type and in every version there ever was. */

import { encodeUtf8 } from '@simsim/bytes';
import { envelopeIdFromBytes, messageIdFromBytes } from '@simsim/relay-protocol';
import type { DeviceHead } from '@simsim/relay-protocol';
import { describeGolden, toPlain } from '../../../.ci/golden.ts';
import type { GoldenSample } from '../../../.ci/golden.ts';
import { CONTENT_VERSIONS, decodeContent, encodeContent } from '../src/content.ts';
import type { Content, ContentKind } from '../src/content.ts';
import { crypto, deviceNumbered, entropyOf, nameOf, userNamed } from './arbitraries.ts';

const entropy = entropyOf(2);
const head: DeviceHead = {
  logId: entropy(16),
  incarnation: 1234,
  seq: 70_000,
  hash: crypto.digest([entropy(32)]),
  at: 1_700_000_000_001,
  signature: entropy(64),
};
const echo: DeviceHead = { ...head, incarnation: 7, seq: 1, signature: entropy(64) };
const [message, envelope, other] = [entropy(16), entropy(16), entropy(16)];
const names = ['Küchentablett', ''].map((name, i) => ({
  deviceKey: entropy(32),
  name: nameOf(name),
  counter: 300 - i,
  by: deviceNumbered(1 + i),
}));

const KINDS: { readonly [T in ContentKind['type']]: readonly Extract<ContentKind, { type: T }>[] } =
  {
    app: [{ type: 'app', body: encodeUtf8('Sesam, öffne dich') }],
    syncSent: [{ type: 'syncSent', to: [userNamed('ali'), userNamed('bo')], body: entropy(9) }],
    receipt: [{ type: 'receipt', messageIds: [message, other].map(messageIdFromBytes) }],
    refresh: [{ type: 'refresh' }],
    head: [
      { type: 'head', head },
      { type: 'head', head, echo },
    ],
    listMoved: [{ type: 'listMoved', version: 300 }],
    deviceNames: [
      { type: 'deviceNames', names },
      { type: 'deviceNames', names: names.slice(1), isAnswer: true },
    ],
    unknown: [{ type: 'unknown', code: 200, bytes: entropy(5) }],
  };

const base = { messageId: messageIdFromBytes(message), sentAt: 1_700_000_000_000 };
const more = { conversation: 'forty', resendOf: envelopeIdFromBytes(envelope) };

function sampleOf(content: Content, title: string): GoldenSample {
  const version = CONTENT_VERSIONS.at(-1) ?? 0;
  return { kind: content.kind.type, version, title, bytes: encodeContent(content) };
}

function contentOf(bytes: Uint8Array): Content {
  const content = decodeContent(bytes);
  if (!content.ok) throw new Error('a golden content decodes');
  return content.value;
}

describeGolden('contents', {
  file: new URL('../golden/contents.json', import.meta.url),
  readable: Object.keys(KINDS).flatMap((kind) =>
    CONTENT_VERSIONS.map((version) => ({ kind, version })),
  ),
  samples: Object.values(KINDS)
    .flat()
    .flatMap((kind) => {
      const special = 'isAnswer' in kind ? 'an answer' : 'plain';
      const title = 'echo' in kind ? 'with an echo' : special;
      return [
        sampleOf({ ...base, kind }, title),
        sampleOf({ ...base, ...more, kind }, `${title}, of a conversation, again`),
      ];
    }),
  decode: (_key, bytes) => toPlain(contentOf(bytes)),
  encode: (_key, bytes) => sampleOf(contentOf(bytes), ''),
});
