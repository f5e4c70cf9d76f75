/** The project's own lint rules, loaded by .oxlintrc.json; tools/lint/rules.test.ts shows that each of them fires. */
import { folderImports } from './folder-imports.mjs';

const noReexport = {
  create(context) {
    const message = 'No barrels: import a thing from the file that defines it.';
    const check = (node) => /^(\.|@batchyard\/)/.test(node.source?.value ?? '') && context.report({ node, message });
    return { ExportAllDeclaration: check, ExportNamedDeclaration: check };
  },
};

const closuresNotClasses = {
  create(context) {
    const message = 'Write a closure, createX(parts): a class is for where a library wants one, and extends it.';
    const check = (node) => !node.superClass && context.report({ node, message });
    return { ClassDeclaration: check, ClassExpression: check };
  },
};

// oxlint loads a plugin by its default export.
// oxlint-disable-next-line import/no-default-export
export default {
  meta: { name: 'batchyard' },
  rules: { 'folder-imports': folderImports, 'no-reexport': noReexport, 'closures-not-classes': closuresNotClasses },
};
