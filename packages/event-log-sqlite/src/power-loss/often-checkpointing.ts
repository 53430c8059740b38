/** A driver whose databases move their WAL into the file soon: within the short lives of a test. */

import type { SqliteDriver } from '../sqlite-driver.ts';

/** The same driver, with checkpoints after so many pages instead of a thousand. */
export function oftenCheckpointing(driver: SqliteDriver, pages: number): SqliteDriver {
  const sooner = (sql: string): string =>
    sql.replace('wal_autocheckpoint = 1000', `wal_autocheckpoint = ${pages}`);
  return {
    open(path, mode) {
      const db = driver.open(path, mode);
      return { ...db, exec: (sql) => db.exec(sooner(sql)) };
    },
  };
}
