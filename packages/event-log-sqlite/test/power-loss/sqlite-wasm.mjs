/**
 * The library behind types of our own (`sqlite-wasm.d.mts`): the ones it ships need the types of a
 * browser, which this package has not.
 */
import init from '@sqlite.org/sqlite-wasm';

/** Loads the module. What it would print comes back as errors anyway. */
export async function initSqlite() {
  const sqlite = await init();
  const quiet = () => undefined;
  Object.assign(sqlite.config, { log: quiet, warn: quiet, error: quiet, debug: quiet });
  return sqlite;
}
