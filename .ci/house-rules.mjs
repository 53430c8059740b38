/**
 * House rules that no ready-made linter rule knows (AGENTS.md lists them in words).
 * Loaded by oxlint as a plugin; `.oxlintrc.json` says which folders each rule holds for.
 */

const isFunction = (node) =>
  node.type === 'FunctionDeclaration' ||
  node.type === 'FunctionExpression' ||
  node.type === 'ArrowFunctionExpression';

const insideFunction = (node) => {
  for (let at = node.parent; at; at = at.parent) if (isFunction(at)) return true;
  return false;
};

/** Pure packages are synchronous: an `await` between deriving and wiping parks secrets on the heap. */
const noAsync = {
  create(context) {
    const check = (node) => {
      if (node.async) context.report({ node, message: 'Pure packages are synchronous.' });
    };
    return {
      FunctionDeclaration: check,
      FunctionExpression: check,
      ArrowFunctionExpression: check,
    };
  },
};

/** A module with top-level await cannot be loaded with `require`, which CommonJS users need. */
const noTopLevelAwait = {
  create(context) {
    const check = (node) => {
      if (!insideFunction(node)) {
        context.report({ node, message: 'Top-level await breaks require() of this package.' });
      }
    };
    return {
      AwaitExpression: check,
      ForOfStatement(node) {
        if (node.await) check(node);
      },
    };
  },
};

/** Untrusted bytes never throw: refusals are values, and bugs go through `invariant`. */
const noThrow = {
  create(context) {
    return {
      ThrowStatement(node) {
        context.report({ node, message: 'Return a Result; our own bugs go through invariant().' });
      },
    };
  },
};

/** What a package offers stands in one explicit list. */
const noExportStar = {
  create(context) {
    return {
      ExportAllDeclaration(node) {
        context.report({ node, message: 'Re-export by explicit list.' });
      },
    };
  },
};

/** `f(x, true)` cannot be read at the call; an options object or a union can. */
const noBooleanParameter = {
  create(context) {
    const check = (node) => {
      for (const parameter of node.params) {
        const target = parameter.type === 'AssignmentPattern' ? parameter.left : parameter;
        const type = target.typeAnnotation?.typeAnnotation?.type;
        if (type === 'TSBooleanKeyword') {
          context.report({ node: parameter, message: 'Use a union or an options object.' });
        }
      }
    };
    return { FunctionDeclaration: check };
  },
};

/** Inheritance is for errors only. */
const noInheritance = {
  create(context) {
    const check = (node) => {
      if (node.superClass && !node.superClass.name?.endsWith('Error')) {
        context.report({ node, message: 'Only errors inherit.' });
      }
    };
    return { ClassDeclaration: check, ClassExpression: check };
  },
};

export default {
  meta: { name: 'house' },
  rules: {
    'no-async': noAsync,
    'no-top-level-await': noTopLevelAwait,
    'no-throw': noThrow,
    'no-export-star': noExportStar,
    'no-boolean-parameter': noBooleanParameter,
    'no-inheritance': noInheritance,
  },
};
