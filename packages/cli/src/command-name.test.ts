import { expect, test } from 'vitest';
import { commandName } from './command-name.ts';

test.each([
  ['/usr/bin/simsim', 'simsim'],
  ['/home/ada/app/node_modules/@simsim/cli/dist/main.js', 'simsim'],
  ['', 'simsim'],
  ['/home/ada/app/packages/cli/dist/main.js', 'node packages/cli/dist/main.js'],
  ['/home/ada/main.js', 'node ../main.js'],
])('%s is called as %s', (script, name) => {
  expect(commandName(script, '/home/ada/app')).toBe(name);
});
