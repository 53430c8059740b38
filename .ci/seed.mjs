/** Every random choice of the tests comes from this seed, so that a failure can be had again. */

const wholeNumber = (name, fallback) => {
  const text = process.env[name];
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`${name} must be a whole number, not ${JSON.stringify(text)}.`);
};

/** SIMSIM_SEED gives another one. */
export const seed = wholeNumber('SIMSIM_SEED', 20_081_031);

/** Runs of each property; SIMSIM_RUNS raises it (nightly: 10,000). */
export const runs = wholeNumber('SIMSIM_RUNS', 100);
