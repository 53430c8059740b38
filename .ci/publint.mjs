/** Looks at every public package the way npm users will get it. Run after a build. */
import { readdirSync, readFileSync } from 'node:fs';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

let faults = 0;
for (const name of readdirSync('packages').toSorted()) {
  const pkgDir = `packages/${name}`;
  const pkg = JSON.parse(readFileSync(`${pkgDir}/package.json`, 'utf8'));
  if (pkg.private) continue;
  const { messages } = await publint({ pkgDir, strict: true, pack: false });
  for (const message of messages) {
    if (message.type === 'suggestion') continue;
    faults += 1;
    process.stdout.write(`${pkgDir}: ${formatMessage(message, pkg)}\n`);
  }
}
process.exitCode = faults > 0 ? 1 : 0;
