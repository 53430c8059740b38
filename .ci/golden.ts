/**
 * Golden files: bytes that some release wrote, and what they decode to, kept for ever. A collection
 * only grows. Entries that are there are never written again; missing ones are added where
 * SIMSIM_WRITE_GOLDEN=1 asks for it.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

/** What bytes are of: a kind, the version of its form, and one word on what is special about them. */
export interface GoldenKey {
  readonly kind: string;
  readonly version: number;
  readonly title?: string;
}

/** One entry of a collection. */
interface GoldenEntry extends GoldenKey {
  /** Hex. */
  readonly bytes: string;
  /**
   * What {@link GoldenCodec.decode} makes of them, as JSON, by the newest version there was: a release
   * that adds a version reads old bytes into its own shape, and adds that reading here.
   */
  readonly values: Readonly<Record<string, unknown>>;
}

/** A sample for an entry that may be missing. */
export interface GoldenSample extends GoldenKey {
  readonly bytes: Uint8Array;
}

/** What a collection is of. */
export interface GoldenCodec {
  readonly file: URL;
  /** Every kind with each version that must be readable. */
  readonly readable: readonly GoldenKey[];
  /** What today's encoders write, each with an entry of its own. */
  readonly samples: readonly GoldenSample[];
  /** What bytes decode to, as plain data; `undefined` where they do not. */
  readonly decode: (key: GoldenKey, bytes: Uint8Array) => unknown;
  /** Decodes and encodes again; `version` is that of what the encoder writes today. */
  readonly encode: (key: GoldenKey, bytes: Uint8Array) => Omit<GoldenSample, 'kind'>;
}

/** Defines the tests of a collection. */
export function describeGolden(what: string, codec: GoldenCodec): void {
  const newest = newestVersions(codec);
  const entries = grownEntries(codec, newest);
  const valueOf = ({ kind, values }: GoldenEntry): unknown => values[newest.get(kind) ?? 0];
  describe(`the golden file of ${what}`, () => {
    it('has an entry of every form there ever was', () => {
      const known = new Set(entries.flatMap((entry) => [nameOf(entry), formOf(entry)]));
      const wanted = [...codec.readable.map(formOf), ...codec.samples.map(nameOf)];
      const hint = 'run this test with SIMSIM_WRITE_GOLDEN=1';
      expect(
        wanted.filter((name) => !known.has(name)),
        hint,
      ).toEqual([]);
      expect(entries.filter((entry) => valueOf(entry) === undefined).map(nameOf), hint).toEqual([]);
    });

    it('has nothing that is not readable any more', () => {
      const readable = new Set(codec.readable.map(formOf));
      expect(entries.map(formOf).filter((form) => !readable.has(form))).toEqual([]);
      expect(new Set(entries.map(nameOf)).size).toBe(entries.length);
    });

    it.each(entries.map((entry) => [nameOf(entry), entry] as const))(
      'still decodes: %s',
      (_name, entry) => {
        expect(asJson(codec.decode(entry, fromHex(entry.bytes)))).toEqual(valueOf(entry));
      },
    );

    it.each(entries.map((entry) => [nameOf(entry), entry] as const))(
      'is written again as it was, or in a later version with the same meaning: %s',
      (_name, entry) => {
        const again = codec.encode(entry, fromHex(entry.bytes));
        if (again.version === entry.version) expect(toHex(again.bytes)).toBe(entry.bytes);
        else expect(again.version).toBeGreaterThan(entry.version);
        const key = { kind: entry.kind, version: again.version };
        expect(asJson(codec.decode(key, again.bytes))).toEqual(valueOf(entry));
      },
    );
  });
}

/** A decoded value as plain data: bytes, public keys and a test's secret keys as hex, maps as pairs. */
export function toPlain(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value);
  if (value instanceof Map) return [...value].map(toPlain);
  if (Array.isArray(value)) return value.map(toPlain);
  if (typeof value !== 'object' || value === null) return value;
  if (Object.getPrototypeOf(value) !== Object.prototype && 'bytes' in value) {
    return toPlain(value.bytes);
  }
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, toPlain(item)]));
}

function newestVersions({ readable }: GoldenCodec): ReadonlyMap<string, number> {
  const newest = new Map<string, number>();
  for (const { kind, version } of readable) {
    newest.set(kind, Math.max(version, newest.get(kind) ?? 0));
  }
  return newest;
}

function grownEntries(
  { file, samples, decode }: GoldenCodec,
  newest: ReadonlyMap<string, number>,
): readonly GoldenEntry[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- this file wrote it
  const entries = JSON.parse(existsSync(file) ? readFileSync(file, 'utf8') : '[]') as GoldenEntry[];
  if (process.env['SIMSIM_WRITE_GOLDEN'] !== '1') return entries;
  const known = new Set(entries.map(nameOf));
  const missing = samples
    .filter((sample) => !known.has(nameOf(sample)))
    .map(({ bytes, ...key }): GoldenEntry => ({ ...key, bytes: toHex(bytes), values: {} }));
  const grown = [...entries, ...missing].map((entry): GoldenEntry => {
    const reading = String(newest.get(entry.kind));
    if (Object.hasOwn(entry.values, reading)) return entry;
    const value = asJson(decode(entry, fromHex(entry.bytes)));
    return { ...entry, values: { ...entry.values, [reading]: value } };
  });
  writeFileSync(file, `${JSON.stringify(grown, undefined, 2)}\n`);
  return grown;
}

function formOf({ kind, version }: GoldenKey): string {
  return `${kind} ${version}`;
}

function nameOf({ title, ...key }: GoldenKey): string {
  return title === undefined ? formOf(key) : `${formOf(key)}, ${title}`;
}

function asJson(value: unknown): unknown {
  return value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function fromHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'hex'));
}
