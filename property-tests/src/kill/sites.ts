/** Every named place where the victim is killed, in the order of the printed table. */

const COMMIT = ['commit:before', 'commit:inside', 'commit:after'] as const;
const PATHS = [
  'send:before-commit',
  'send:after-commit',
  'receive:before-commit',
  'receive:after-commit',
  'acknowledge:before-commit',
  'acknowledge:after-commit',
  'answer:before-commit',
  'answer:after-commit',
] as const;
/** Between the commit and the world outside: before and after one effect has left. */
const RELEASE = ['post:before', 'post:after', 'relay-ack:before', 'relay-ack:after'] as const;
/** The erase path; `flush:` is one write or sync of the vault file, each of them in turn. */
const ERASE = [
  'register:after',
  'vault:before-copy',
  'flush:write',
  'vault:pages-written',
  'vault:copy-written',
  'flush:sync',
  'vault:copy-synced',
  'vault:before-zero',
  'vault:done',
] as const;
/** A log that was there before, opened again; `write` and `sync` are those of the vault file. */
const OPEN = ['open:lease', 'open:leased', 'open:write', 'open:sync', 'open:done'] as const;
/** A log that is made. */
const CREATE = ['create:schema', 'create:write', 'create:rename', 'create:log'] as const;

/** A place where the victim can be told to die. */
export type Site =
  | (typeof COMMIT)[number]
  | (typeof PATHS)[number]
  | (typeof RELEASE)[number]
  | (typeof ERASE)[number]
  | (typeof OPEN)[number]
  | (typeof CREATE)[number];

/** All of them. */
export const SITES: readonly Site[] = [
  ...PATHS,
  ...COMMIT,
  ...RELEASE,
  ...ERASE,
  ...OPEN,
  ...CREATE,
];

/** Sites that only a new log passes. */
export function isCreation(site: Site): boolean {
  return site.startsWith('create:');
}

/** Sites that an opening passes only where the process before died while the vault was written. */
export function needsTornVault(site: Site): boolean {
  return site === 'open:write' || site === 'open:sync';
}
