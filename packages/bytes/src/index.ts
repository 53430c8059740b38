export type { Result, Ok, Err } from './result.ts';
export { ok, err } from './result.ts';
export { InvariantError, invariant, unreachable } from './invariant.ts';
export { equalBytes, compareBytes, wipe, concatBytes } from './compare.ts';
export {
  encodeUtf8,
  decodeUtf8,
  bytesToHex,
  hexToBytes,
  bytesToBase64url,
  base64urlToBytes,
} from './text.ts';
export { copyBytes, newBytes } from './allocate.ts';
export type { Brand } from './brand.ts';
export type { BinaryWriter, BinaryReader } from './binary.ts';
export { createWriter, createReader } from './binary.ts';
export type {
  ProtobufFields,
  ProtobufKind,
  ProtobufShape,
  ProtobufValues,
  ProtobufWriter,
} from './protobuf.ts';
export { createProtobufWriter, decodeProtobuf } from './protobuf.ts';
