/**
 * House style that needs types or more than one file to see:
 *
 *  - byte arrays are compared by content, never by `===`;
 *  - every export of a source file has a doc comment;
 *  - every row of docs/spec-map.md and docs/pains.md points somewhere, and so does every relative link
 *    in a page;
 *  - every package has a README.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';
import { PAINS, readProofs, SPEC_MAP } from './proof-pages.mjs';

const root = resolve(import.meta.dirname, '..');
const faults = [];
const fault = (file, line, text) => faults.push(`${relative(root, file)}:${line} ${text}`);

const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => ts.sys.readFile(path));
const { fileNames, options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
const program = ts.createProgram(fileNames, options);
const checker = program.getTypeChecker();

const isSource = (file) => /\/packages\/[^/]+\/src\//.test(file) && !file.endsWith('.test.ts');
const lineOf = (file, node) => file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1;

for (const fileName of fileNames) {
  const file = program.getSourceFile(fileName);
  checkComparisons(file);
  if (isSource(fileName)) checkDocComments(file);
}
checkProofs(SPEC_MAP);
checkProofs(PAINS);
checkLinks();
checkReadmes();

for (const text of faults) process.stdout.write(`${text}\n`);
process.exitCode = faults.length > 0 ? 1 : 0;

function checkComparisons(file) {
  const identities = new Set([
    ts.SyntaxKind.EqualsEqualsEqualsToken,
    ts.SyntaxKind.ExclamationEqualsEqualsToken,
  ]);
  const visit = (node) => {
    if (
      ts.isBinaryExpression(node) &&
      identities.has(node.operatorToken.kind) &&
      isBytes(node.left) &&
      isBytes(node.right)
    ) {
      fault(file.fileName, lineOf(file, node), 'byte arrays compared by identity');
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
}

function isBytes(expression) {
  const type = checker.getNonNullableType(checker.getTypeAtLocation(expression));
  const parts = type.isUnion() ? type.types : [type];
  return parts.some((part) => checker.getPropertyOfType(part, 'BYTES_PER_ELEMENT') !== undefined);
}

function checkDocComments(file) {
  const documented = new Set();
  for (const statement of file.statements) {
    const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : [];
    if (!modifiers.some((each) => each.kind === ts.SyntaxKind.ExportKeyword)) continue;
    const name = nameOf(statement);
    // Overloads and a type beside its value of the same name share one comment.
    if (ts.getJSDocCommentsAndTags(statement).some((part) => ts.isJSDoc(part))) {
      documented.add(name);
    } else if (!documented.has(name)) {
      fault(file.fileName, lineOf(file, statement), `no doc comment on ${name}`);
    }
  }
}

function nameOf(statement) {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.map((each) => each.name.getText()).join(', ');
  }
  return statement.name?.getText() ?? 'an export';
}

function checkProofs(page) {
  readProofs(root, page, (line, text) => fault(join(root, page.path), line, text));
}

function checkLinks() {
  const pages = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'], {
    cwd: root,
    encoding: 'utf8',
  });
  for (const path of pages.split('\n').filter((line) => line !== '')) {
    const page = join(root, path);
    if (!existsSync(page)) continue;
    readFileSync(page, 'utf8')
      .replaceAll(/```.*?```/gs, (block) => block.replaceAll(/[^\n]/g, ' '))
      .split('\n')
      .forEach((text, index) => {
        for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
          if (/^([a-z]+:|#)/.test(target)) continue;
          if (!existsSync(join(dirname(page), target.split('#')[0]))) {
            fault(page, index + 1, `link to ${target}, which does not exist`);
          }
        }
      });
  }
}

function checkReadmes() {
  for (const name of readdirSync(join(root, 'packages'))) {
    const folder = join(root, 'packages', name);
    if (existsSync(join(folder, 'package.json')) && !existsSync(join(folder, 'README.md'))) {
      fault(join(folder, 'package.json'), 1, 'the package has no README.md');
    }
  }
}
