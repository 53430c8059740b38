/**
 * Who may know whom (docs/architecture.md shows the same as a picture).
 *
 * A package may reach the packages in its row, and them only through a public entry. A new package
 * gets a row here before it gets a source file.
 */
const mayImport = {
  bytes: [],
  crypto: ['bytes'],
  'key-agreement': ['bytes', 'crypto'],
  'double-ratchet': ['bytes', 'crypto'],
  session: ['bytes', 'crypto', 'key-agreement', 'double-ratchet'],
  'relay-protocol': ['bytes', 'crypto'],
  sesame: ['bytes', 'crypto', 'session', 'relay-protocol'],
  'event-log': ['bytes', 'crypto'],
  'event-log-sqlite': ['bytes', 'crypto', 'event-log'],
  'device-core': ['bytes', 'crypto', 'session', 'sesame', 'event-log', 'relay-protocol'],
  device: [
    'bytes',
    'crypto',
    'sesame',
    'event-log',
    'event-log-sqlite',
    'device-core',
    'relay-protocol',
  ],
  relay: ['bytes', 'crypto', 'relay-protocol'],
  simulator: [
    'bytes',
    'crypto',
    'session',
    'sesame',
    'event-log',
    'event-log-sqlite',
    'device-core',
    'relay-protocol',
    'relay',
  ],
  interop: ['bytes', 'crypto', 'key-agreement', 'session'],
};

const pure = [
  'bytes',
  'crypto',
  'key-agreement',
  'double-ratchet',
  'session',
  'sesame',
  'event-log',
  'device-core',
  'relay-protocol',
];

const anyOf = (names) => `(${names.join('|')})`;
const tests = String.raw`(\.test\.ts$|/test/)`;
const entries = [
  String.raw`^packages/[^/]+/src/index\.ts$`,
  String.raw`^packages/[^/]+/src/[^/]+/index\.ts$`,
];

const directions = Object.entries(mayImport).map(([name, known]) => ({
  name: `direction-${name}`,
  comment: `${name} may know ${known.length === 0 ? 'nobody' : known.join(', ')}.`,
  severity: 'error',
  from: { path: `^packages/${name}/src/`, pathNot: tests },
  to: { path: '^(packages|property-tests)/', pathNot: `^packages/${anyOf([name, ...known])}/` },
}));

export default {
  forbidden: [
    ...directions,
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-node-in-pure-packages',
      comment: 'Pure packages get time, randomness and storage handed in.',
      severity: 'error',
      from: {
        path: `^packages/${anyOf(pure)}/src/`,
        pathNot: ['^packages/crypto/src/node/', tests],
      },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'public-entries-only',
      comment: 'Another package is reached through its exports, never through its files.',
      severity: 'error',
      from: { path: '^packages/([^/]+)/' },
      to: {
        path: '^packages/[^/]+/',
        pathNot: ['^packages/$1/', ...entries],
      },
    },
    {
      name: 'public-entries-only-in-laws',
      severity: 'error',
      from: { path: '^property-tests/' },
      to: { path: '^packages/[^/]+/', pathNot: entries },
    },
    {
      name: 'nobody-imports-private-packages',
      comment: 'interop and bench look at the house; the house does not look back.',
      severity: 'error',
      from: { pathNot: '^packages/(interop|bench)/' },
      to: { path: '^packages/(interop|bench)/' },
    },
    {
      name: 'nobody-imports-test-peers',
      comment:
        'Their licences forbid it (decision 030); interop loads them by path, as black boxes.',
      severity: 'error',
      from: {},
      to: {
        path: [
          '^packages/interop/peers/',
          '(^|/)(libsignal|@signalapp/libsignal-client|@privacyresearch/[^/]+)($|/)',
        ],
        pathNot: '^packages/interop/src/',
      },
    },
    {
      name: 'simulator-is-a-leaf',
      severity: 'error',
      from: { pathNot: '^(packages/(cli|simulator|bench)|property-tests)/' },
      to: { path: '^packages/simulator/' },
    },
    {
      name: 'resolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-test-helpers-in-sources',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/', pathNot: tests },
      to: { path: tests },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@simsim/source', 'import', 'types', 'node', 'default'],
      extensions: ['.ts', '.js'],
    },
  },
};
