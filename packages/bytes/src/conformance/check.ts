/** The few assertions that conformance cases need, without any test framework. */

/** Thrown by a case that does not hold. */
export class ConformanceError extends Error {
  override readonly name = 'ConformanceError';
}

/** Holds, or says what does not. */
export function check(condition: unknown, what: string): asserts condition {
  if (!condition) throw new ConformanceError(what);
}

/** Deep equality of plain values, arrays, maps, sets and bytes. */
export function same(actual: unknown, expected: unknown, what: string): void {
  const [found, wanted] = [render(actual), render(expected)];
  check(found === wanted, `${what}: expected ${wanted}, found ${found}`);
}

/** Equality with one of several values. */
export function sameAsOne(actual: unknown, expected: readonly unknown[], what: string): void {
  const found = render(actual);
  const isKnown = expected.some((each) => render(each) === found);
  check(isKnown, `${what}: found ${found}, which is neither before nor after`);
}

/** What a medium left must open; whatever is thrown instead is the finding. */
export function opens<T>(open: () => T, what: string): T {
  try {
    return open();
  } catch (failure) {
    const detail = failure instanceof Error ? failure.message : 'unknown';
    throw new ConformanceError(`${what} does not open: ${detail}`);
  }
}

/** This must be refused by throwing. */
export function refuses(run: () => unknown, what: string): void {
  let hasThrown = false;
  try {
    run();
  } catch {
    hasThrown = true;
  }
  check(hasThrown, `${what} must be refused`);
}

function render(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (value instanceof Uint8Array) return `#${Array.from(value).join('.')}`;
  if (Array.isArray(value)) return `[${value.map(render).join(', ')}]`;
  if (value instanceof Set) return `set ${render([...value].map(render).toSorted())}`;
  if (value instanceof Map) {
    const rows = [...value].map(([key, field]) => `${render(key)} => ${render(field)}`);
    return `map ${render(rows.toSorted())}`;
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, field]) => `${key}: ${render(field)}`).join(', ')}}`;
  }
  return String(value);
}
