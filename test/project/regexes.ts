import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AnyNode, type Expression, type PrivateIdentifier, parse, type SpreadElement } from 'acorn';
import { transformSync } from 'esbuild';

export interface Regex {
  readonly file: string;
  readonly source: string;
  readonly flags: string;
}

type Value = Expression | SpreadElement | PrivateIdentifier | null | undefined;

/** All regular expressions of the folder's TypeScript: literals, and those built of constant text. Throws for others. */
export function regexesIn(folder: string): Regex[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  return files.flatMap((name) => regexesOf(name, readFileSync(join(folder, name), 'utf8')));
}

/** The same of one file's text. */
export function regexesOf(file: string, text: string): Regex[] {
  const { code } = transformSync(text, { loader: 'ts', format: 'esm' });
  const nodes = nodesOf(parse(code, { ecmaVersion: 'latest', sourceType: 'module' }));
  const constants = new Map<string, Value>();
  for (const node of nodes) {
    if (node.type === 'VariableDeclarator' && node.id.type === 'Identifier')
      constants.set(node.id.name, constants.has(node.id.name) ? null : node.init);
  }

  function textOf(value: Value): string {
    if (value?.type === 'Literal' && typeof value.value === 'string') return value.value;
    if (value?.type === 'Identifier') return textOf(constants.get(value.name));
    if (value?.type === 'BinaryExpression' && value.operator === '+')
      return textOf(value.left) + textOf(value.right);
    if (value?.type === 'TaggedTemplateExpression') return templateOf(value.quasi, 'raw');
    if (value?.type === 'TemplateLiteral') return templateOf(value, 'cooked');
    throw new Error(`${file}: a regular expression is built of what is not constant text: ${show(value)}`);
  }

  function templateOf(
    template: Extract<AnyNode, { type: 'TemplateLiteral' }>,
    form: 'raw' | 'cooked',
  ): string {
    const parts = template.quasis.map(({ value }, i) => {
      const put = template.expressions[i];
      return (value[form] ?? '') + (put === undefined ? '' : textOf(put));
    });
    return parts.join('');
  }

  const show = (value: Value) => (value ? code.slice(value.start, value.end) : 'nothing');
  return nodes.flatMap((node) => {
    if (node.type === 'Literal' && node.regex)
      return [{ file, source: node.regex.pattern, flags: node.regex.flags }];
    if (node.type !== 'NewExpression' && node.type !== 'CallExpression') return [];
    if (node.callee.type !== 'Identifier' || node.callee.name !== 'RegExp') return [];
    const [source, flags] = node.arguments;
    return [{ file, source: textOf(source), flags: flags === undefined ? '' : textOf(flags) }];
  });
}

function nodesOf(value: unknown): AnyNode[] {
  if (Array.isArray(value)) return value.flatMap(nodesOf);
  if (typeof value !== 'object' || value === null) return [];
  const below = Object.values(value).flatMap(nodesOf);
  return 'type' in value && 'start' in value ? [value as AnyNode, ...below] : below;
}
