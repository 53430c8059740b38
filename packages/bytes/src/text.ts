/** Text and bytes: UTF-8, hex and base64url, total in both directions. For public bytes only. */

import { copyBytes, newBytes } from './allocate.ts';

const HEX = '0123456789abcdef';
const HEX_CODES = Uint8Array.from(HEX, (digit) => digit.charCodeAt(0));
/** Ids, names and digests are written in one go, which is soonest for what is short. */
const SHORT_BYTES_MAX = 64;
/** The characters of the short text in the making. */
const codes: number[] = [];
/** Both digits of each byte. */
const HEX_PAIRS = Array.from(
  { length: 256 },
  (_, byte) => HEX.charAt(byte >> 4) + HEX.charAt(byte & 15),
);
const NO_DIGIT = 255;
/** A digit's value by its character code, of either case. */
const HEX_VALUES = Uint8Array.from({ length: 128 }, (_, code) => {
  const value = HEX.indexOf(String.fromCharCode(code).toLowerCase());
  return value < 0 ? NO_DIGIT : value;
});
const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Encodes text as UTF-8. A lone surrogate becomes U+FFFD, as every web platform does. */
export function encodeUtf8(text: string): Uint8Array {
  const bytes = newBytes(text.length);
  for (let i = 0; i < bytes.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x80) return encodeWide(text);
    bytes[i] = code;
  }
  return bytes;
}

/** As {@link encodeUtf8}, for text that is not all ASCII. */
function encodeWide(text: string): Uint8Array {
  const bytes = newBytes(text.length * 3);
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    let code = text.charCodeAt(i);
    if (code >= 0xd800 && code <= 0xdfff) {
      const next = text.charCodeAt(i + 1);
      const isPair = code < 0xdc00 && next >= 0xdc00 && next <= 0xdfff;
      if (isPair) i++;
      code = isPair ? 0x10000 + ((code - 0xd800) << 10) + (next - 0xdc00) : 0xfffd;
    }
    if (code < 0x80) {
      bytes[at++] = code;
      continue;
    }
    if (code < 0x800) {
      bytes[at++] = 0xc0 | (code >> 6);
    } else {
      if (code < 0x10000) {
        bytes[at++] = 0xe0 | (code >> 12);
      } else {
        bytes[at++] = 0xf0 | (code >> 18);
        bytes[at++] = 0x80 | ((code >> 12) & 0x3f);
      }
      bytes[at++] = 0x80 | ((code >> 6) & 0x3f);
    }
    bytes[at++] = 0x80 | (code & 0x3f);
  }
  return copyBytes(bytes, 0, at);
}

/** Decodes UTF-8 strictly: overlong forms, surrogates and cut sequences give `undefined`. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  if (bytes.length > SHORT_BYTES_MAX) return decodeWide(bytes);
  codes.length = bytes.length;
  for (let i = 0; i < bytes.length; i++) {
    const code = bytes[i] as number;
    if (code >= 0x80) return decodeWide(bytes);
    codes[i] = code;
  }
  return String.fromCharCode(...codes);
}

/** As {@link decodeUtf8}, for text that is longer or not all ASCII. */
function decodeWide(bytes: Uint8Array): string | undefined {
  const pieces: string[] = [];
  let piece = '';
  for (let i = 0; i < bytes.length;) {
    const first = bytes[i] as number;
    const length =
      first < 0x80
        ? 1
        : first < 0xc2
          ? 0
          : first < 0xe0
            ? 2
            : first < 0xf0
              ? 3
              : first < 0xf5
                ? 4
                : 0;
    if (length === 0 || i + length > bytes.length) return undefined;
    let code = length === 1 ? first : first & (0xff >> (length + 1));
    for (let k = 1; k < length; k++) {
      const next = bytes[i + k] as number;
      if ((next & 0xc0) !== 0x80) return undefined;
      code = (code << 6) | (next & 0x3f);
    }
    const isOverlong = (length === 3 && code < 0x800) || (length === 4 && code < 0x10000);
    if (isOverlong || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return undefined;
    piece += String.fromCodePoint(code);
    i += length;
    if (piece.length > 4096) {
      pieces.push(piece);
      piece = '';
    }
  }
  return pieces.join('') + piece;
}

/** Writes bytes as lower-case hex. */
export function bytesToHex(bytes: Uint8Array): string {
  if (bytes.length > SHORT_BYTES_MAX) return hexOfLong(bytes);
  codes.length = bytes.length * 2;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    codes[2 * i] = HEX_CODES[byte >> 4] as number;
    codes[2 * i + 1] = HEX_CODES[byte & 15] as number;
  }
  return String.fromCharCode(...codes);
}

function hexOfLong(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i++) text += HEX_PAIRS[bytes[i] as number] as string;
  return text;
}

/** Reads hex of either case; anything else gives `undefined`. */
export function hexToBytes(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0) return undefined;
  const bytes = newBytes(text.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    const high = HEX_VALUES[text.charCodeAt(2 * i)] ?? NO_DIGIT;
    const low = HEX_VALUES[text.charCodeAt(2 * i + 1)] ?? NO_DIGIT;
    if (high === NO_DIGIT || low === NO_DIGIT) return undefined;
    bytes[i] = (high << 4) | low;
  }
  return bytes;
}

/** Writes bytes as base64url without padding (RFC 4648 §5). */
export function bytesToBase64url(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const a = bytes[i] as number;
    const b = bytes[i + 1] ?? 0;
    const c = bytes[i + 2] ?? 0;
    text += BASE64URL.charAt(a >> 2) + BASE64URL.charAt(((a & 3) << 4) | (b >> 4));
    if (i + 1 < bytes.length) text += BASE64URL.charAt(((b & 15) << 2) | (c >> 6));
    if (i + 2 < bytes.length) text += BASE64URL.charAt(c & 63);
  }
  return text;
}

/** Reads canonical base64url without padding; anything else gives `undefined`. */
export function base64urlToBytes(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let held = 0;
  let heldBits = 0;
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = BASE64URL.indexOf(text.charAt(i));
    if (digit < 0) return undefined;
    held = ((held << 6) | digit) & 0xffff;
    heldBits += 6;
    if (heldBits >= 8) {
      heldBits -= 8;
      bytes[at++] = (held >> heldBits) & 0xff;
    }
  }
  const isCanonical = heldBits < 6 && (held & ((1 << heldBits) - 1)) === 0;
  return isCanonical ? bytes : undefined;
}
