export { check, ConformanceError, opens, refuses, same, sameAsOne } from './check.ts';
export { prove, proveLate } from './report.ts';
export type { ConformanceCase, ConformanceReport, LateCase } from './report.ts';
