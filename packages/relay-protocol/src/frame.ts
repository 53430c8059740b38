/** What travels over a relay's WebSocket: mail down, acknowledgements up. Binary frames only. */

import type { BinaryReader, Result } from '@simsim/bytes';
import { createWriter } from '@simsim/bytes';
import type { DecodeRejection } from './codec.ts';
import { decodeWhole, FORMAT, readBetween, readMany, writeMany } from './codec.ts';
import { ACKS_MAX, BODY_BYTES_MAX, ENVELOPES_PER_BATCH_MAX } from './limits.ts';
import type { IncomingEnvelope } from './post.ts';
import { readIncoming, writeIncoming } from './post.ts';

/** A frame from the relay. */
export type ServerFrame =
  /** At most 64, in mailbox order. */
  | { readonly kind: 'envelopes'; readonly envelopes: readonly IncomingEnvelope[] }
  /** All that waited when the socket opened was sent. Once per connection. */
  | { readonly kind: 'queueEmpty' }
  /** One-time prekeys left of both kinds; one of them is few. */
  | { readonly kind: 'keysLow'; readonly count: number; readonly kemCount: number };

/** A frame from a device: mail it has stored and the relay may forget. */
export interface ClientFrame {
  readonly kind: 'ack';
  /** Any order, at most 4096. */
  readonly seqs: readonly number[];
}

const TAGS = { envelopes: 1, queueEmpty: 2, keysLow: 3, ack: 4 } as const;

/** Encodes a frame from the relay. */
export function encodeServerFrame(frame: ServerFrame): Uint8Array {
  const writer = createWriter(1024).u8(FORMAT).u8(TAGS[frame.kind]);
  if (frame.kind === 'envelopes')
    writeMany(writer, frame.envelopes, (one) => writeIncoming(writer, one));
  if (frame.kind === 'keysLow') writer.varint(frame.count).varint(frame.kemCount);
  return writer.finish();
}

/** Decodes {@link encodeServerFrame}. */
export function decodeServerFrame(bytes: Uint8Array): Result<ServerFrame, DecodeRejection> {
  return decodeWhole(bytes, BODY_BYTES_MAX, (reader): ServerFrame => {
    switch (reader.u8()) {
      case TAGS.envelopes:
        return {
          kind: 'envelopes',
          envelopes: readMany(reader, ENVELOPES_PER_BATCH_MAX, () => readIncoming(reader)),
        };
      case TAGS.keysLow:
        return { kind: 'keysLow', count: reader.varint(), kemCount: reader.varint() };
      case TAGS.queueEmpty:
        return { kind: 'queueEmpty' };
      default:
        reader.fail();
        return { kind: 'queueEmpty' };
    }
  });
}

/** Encodes a frame from a device. */
export function encodeClientFrame(frame: ClientFrame): Uint8Array {
  const writer = createWriter(256).u8(FORMAT).u8(TAGS[frame.kind]);
  writeMany(writer, frame.seqs, (seq) => writer.varint(seq));
  return writer.finish();
}

/** Decodes {@link encodeClientFrame}. */
export function decodeClientFrame(bytes: Uint8Array): Result<ClientFrame, DecodeRejection> {
  return decodeWhole(bytes, BODY_BYTES_MAX, (reader): ClientFrame => {
    if (reader.u8() !== TAGS.ack) reader.fail();
    return { kind: 'ack', seqs: readSeqs(reader) };
  });
}

/** Reads mailbox positions, 1 and up, at most 4096. */
export function readSeqs(reader: BinaryReader): number[] {
  return readMany(reader, ACKS_MAX, () => readBetween(reader, 1, Number.MAX_SAFE_INTEGER));
}
