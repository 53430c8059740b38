import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { publicMac } from './public-mac.ts';

const bytes = (maxLength: number) => fc.uint8Array({ maxLength });
const parts = fc.array(fc.oneof(bytes(40), bytes(3000)), { maxLength: 4 });

describe('a MAC of two hashes', () => {
  it("is OpenSSL's HMAC, whatever the lengths of its key and its message", () => {
    fc.assert(
      fc.property(bytes(70), parts, (key, message) => {
        const mac = createHmac('sha256', key).update(Buffer.concat(message));
        expect([...publicMac(key, message)]).toEqual([...mac.digest()]);
      }),
    );
  });

  it('leaves neither key nor message for the next one', () => {
    publicMac(new Uint8Array(64).fill(1), [new Uint8Array(500).fill(2)]);
    const [key, message] = [Uint8Array.of(3), Uint8Array.of(4)];
    const mac = createHmac('sha256', key).update(message).digest();
    expect([...publicMac(key, [message])]).toEqual([...mac]);
  });
});
