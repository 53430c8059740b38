/** What the fields of a case take: checks for what JSON said, which name the first that is wrong. */

/** A field that is not what it takes. */
export interface Fault {
  /** Its place: `knobs.sweepMs`, `actions[3].forMs`. */
  readonly field: string;
  /** What it takes, in words. */
  readonly takes: string;
}

/** Checks a value; `at` is how its place is called. */
export type Field = (value: unknown, at: string) => Fault | undefined;

/** A whole number, both ends included. */
export function whole(least: number, most: number): Field {
  const takes = `a whole number of ${least} to ${most}`;
  return fieldOf(takes, (value) => Number.isSafeInteger(value) && isBetween(value, least, most));
}

/** A probability. */
export const rate: Field = fieldOf('a number of 0 to 1', (value) => isBetween(value, 0, 1));

/** True or false. */
export const flag: Field = fieldOf('true or false', (value) => typeof value === 'boolean');

/** Text of at most so many characters. */
export function text(charactersMax: number): Field {
  const takes = `text of at most ${charactersMax} characters`;
  return fieldOf(takes, (value) => typeof value === 'string' && value.length <= charactersMax);
}

/** Text of a form, which `takes` says in words. */
export function textLike(form: RegExp, takes: string): Field {
  return fieldOf(takes, (value) => typeof value === 'string' && form.test(value));
}

/** One of some words. */
export function oneOf(words: readonly (string | number)[]): Field {
  return fieldOf(words.join(', ').replace(/, ([^,]*)$/, ' or $1'), (value) =>
    words.some((word) => word === value),
  );
}

/** Anything that JSON can say. */
export const anything: Field = fieldOf('a value', (value) => value !== undefined);

/** What may be left out. */
export function optional(field: Field): Field {
  return (value, at) => (value === undefined ? undefined : field(value, at));
}

/** A list of so many. */
export function listOf(item: Field, least: number, most: number): Field {
  const isList = fieldOf(
    `a list of ${least} to ${most}`,
    (value) => Array.isArray(value) && isBetween(value.length, least, most),
  );
  return (value, at) => {
    if (!Array.isArray(value)) return isList(value, at);
    return isList(value, at) ?? firstFault(value, (each, i) => item(each, `${at}[${i}]`));
  };
}

/** A list whose items are different texts. */
export function setOf(item: Field, least: number, most: number): Field {
  const list = listOf(item, least, most);
  return (value, at) => {
    const fault = list(value, at);
    if (fault !== undefined || !Array.isArray(value)) return fault;
    const isSet = new Set(value).size === value.length;
    return isSet ? undefined : { field: at, takes: 'no name twice' };
  };
}

/** An object with these fields and no other. */
export function recordOf(fields: Readonly<Record<string, Field>>): Field {
  const names = Object.keys(fields);
  return (value, at) => {
    if (!isRecord(value)) return { field: at, takes: 'an object' };
    const fault = firstFault(names, (name) => {
      const check = fields[name];
      return check?.(value[name], at === '' ? name : `${at}.${name}`);
    });
    if (fault !== undefined) return fault;
    // A name that nobody knows would be passed over in silence.
    const isKnown = Object.keys(value).every((name) => Object.hasOwn(fields, name));
    return isKnown ? undefined : { field: at, takes: `no field but ${names.join(', ')}` };
  };
}

/** An object, by its fields. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The first fault of some items. */
export function firstFault<T>(
  items: readonly T[],
  faultOf: (item: T, i: number) => Fault | undefined,
): Fault | undefined {
  for (const [i, item] of items.entries()) {
    const fault = faultOf(item, i);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function fieldOf(takes: string, isRight: (value: unknown) => boolean): Field {
  return (value, at) => (isRight(value) ? undefined : { field: at, takes });
}

function isBetween(value: unknown, least: number, most: number): boolean {
  return typeof value === 'number' && value >= least && value <= most;
}
