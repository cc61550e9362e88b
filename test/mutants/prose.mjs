// A Stryker plugin: texts for people are not changed. What a text says is judged by whoever reads it; a test that repeats
// it word by word would only be a second copy.

const isSimple = (node) => node.type === 'Identifier' || node.type === 'MemberExpression';

/** Words with spaces between, and nothing computed in it. */
function isProse(node) {
  if (node.type === 'StringLiteral') return /\S \S/.test(node.value);
  if (node.type !== 'TemplateLiteral' || !node.expressions.every(isSimple)) return false;
  return /[a-z] [a-z]/i.test(node.quasis.map(({ value }) => value.raw).join('X'));
}

export const strykerPlugins = [
  {
    kind: 'Ignore',
    name: 'prose',
    value: { shouldIgnore: ({ node }) => (isProse(node) ? 'a text for people' : undefined) },
  },
];
