// The structure of src as figures, and the rules that hold it: `npm run structure`. Exits 1 when a rule is broken.
// The rules are in CONTRIBUTING.md, in the map of the rooms: a room imports only itself and the rooms of its row.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, posix, resolve } from 'node:path';
import { parseSync, Visitor } from 'oxc-parser';

const ROOT = join(import.meta.dirname, '..', '..');
const SOURCE = resolve(process.argv.slice(2).find((word) => !word.startsWith('-')) ?? join(ROOT, 'src'));
/** Lines of one function. Tables are no functions. */
const LONGEST_FUNCTION = 60;

/** All that is looked at of one file. */
function look(path) {
  const text = readFileSync(join(SOURCE, path), 'utf8');
  const lineOf = (offset) => text.slice(0, offset).split('\n').length;
  const { program, module } = parseSync(path, text);
  const functions = [];
  const found = (node) => {
    const lines = lineOf(node.end) - lineOf(node.start) + 1;
    functions.push({ name: `${path}:${lineOf(node.start)}`, lines });
  };
  new Visitor({
    FunctionDeclaration: found,
    FunctionExpression: found,
    ArrowFunctionExpression: found,
  }).visit(program);
  const named = [...module.staticImports, ...module.staticExports.flatMap(({ entries }) => entries)];
  const specifiers = new Set(named.flatMap(({ moduleRequest }) => moduleRequest?.value ?? []));
  const imports = [...specifiers].filter((name) => name.startsWith('.'));
  return {
    path,
    room: dirname(path) === '.' ? basename(path) : dirname(path),
    lines: text.split('\n').length - 1,
    functions,
    opens: /^(?:#!.*\n)?\s*(?:\/\/|\/\*\*)/.test(text),
    imports: imports.map((name) => posix.join(dirname(path), name)).filter((name) => !name.startsWith('..')),
    packages: [...specifiers].filter((name) => !name.startsWith('.') && !name.startsWith('node:')),
  };
}

/** Groups of more than one that lead to each other (Tarjan's strongly connected components). */
function circles(edges) {
  const order = new Map();
  const low = new Map();
  const stack = [];
  const groups = [];
  function visit(node) {
    order.set(node, order.size);
    low.set(node, order.get(node));
    stack.push(node);
    for (const next of edges.get(node) ?? []) {
      if (!order.has(next)) {
        visit(next);
        low.set(node, Math.min(low.get(node), low.get(next)));
      } else if (stack.includes(next)) low.set(node, Math.min(low.get(node), order.get(next)));
    }
    if (low.get(node) !== order.get(node)) return;
    const group = stack.splice(stack.indexOf(node));
    if (group.length > 1) groups.push(group);
  }
  for (const node of edges.keys()) if (!order.has(node)) visit(node);
  return groups;
}

/** By room: those that it may import, from the map in CONTRIBUTING.md. */
function readMap() {
  const rows = readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8').matchAll(
    /^\| `src\/([^`]+?)\/?` \|.*\|([^|]*)\|$/gm,
  );
  return new Map(
    [...rows].map(([, room, allowed]) => [
      room,
      allowed.match(/[\w/.-]+/g)?.filter((name) => name !== '-') ?? [],
    ]),
  );
}

const names = readdirSync(SOURCE, { recursive: true })
  .filter((name) => name.endsWith('.ts'))
  .sort();
const files = names.map(look);
const roomOf = new Map(files.map(({ path, room }) => [path, room]));
const rooms = Map.groupBy
  ? Map.groupBy(files, ({ room }) => room)
  : files.reduce((map, file) => map.set(file.room, [...(map.get(file.room) ?? []), file]), new Map());
const between = new Map([...rooms.keys()].map((room) => [room, new Set()]));
for (const { room, imports } of files)
  for (const name of imports) {
    const other = roomOf.get(name);
    if (other !== undefined && other !== room) between.get(room).add(other);
  }

const broken = [];
const map = readMap();
for (const [room, imported] of between) {
  if (!map.has(room)) broken.push(`src/${room} is not in the map of CONTRIBUTING.md`);
  for (const other of imported)
    if (map.has(room) && !map.get(room).includes(other)) {
      const by = files.filter(
        (file) => file.room === room && file.imports.some((name) => roomOf.get(name) === other),
      );
      broken.push(`src/${room} may not import src/${other} (${by.map(({ path }) => path).join(', ')})`);
    }
}
for (const room of map.keys())
  if (!rooms.has(room)) broken.push(`src/${room} is in the map, and is not there`);
const fileCircles = circles(new Map(files.map(({ path, imports }) => [path, imports])));
const roomCircles = circles(between);
for (const group of [...fileCircles, ...roomCircles]) broken.push(`a circle: ${group.join(' -> ')}`);
const twice = [...names].filter((name) =>
  names.some((other) => other !== name && basename(other) === basename(name)),
);
for (const name of twice) broken.push(`src/${name}: another file has that name`);
for (const { path, opens } of files) if (!opens) broken.push(`src/${path} does not open with what it is for`);
const functions = files.flatMap((file) => file.functions).sort((a, b) => b.lines - a.lines);
for (const { name, lines } of functions)
  if (lines > LONGEST_FUNCTION)
    broken.push(`src/${name}: a function of ${lines} lines; ${LONGEST_FUNCTION} at most`);

const packages = new Map();
for (const { path, packages: used } of files)
  for (const name of used) packages.set(name, [...(packages.get(name) ?? []), path]);

const rows = [...rooms].map(([room, members]) => ({
  room: `src/${room}`,
  files: members.length,
  lines: members.reduce((sum, { lines }) => sum + lines, 0),
  imports: [...between.get(room)].join(' '),
}));
for (const { room, files: count, lines, imports } of rows)
  console.log(
    `${room.padEnd(26)} ${String(count).padStart(3)} files ${String(lines).padStart(6)} lines  -> ${imports}`,
  );
const longest = [...files].sort((a, b) => b.lines - a.lines)[0];
console.log(`rooms                 ${rooms.size}`);
console.log(`files                 ${files.length}`);
console.log(`lines                 ${files.reduce((sum, { lines }) => sum + lines, 0)}`);
console.log(`longest file          ${longest.path}, ${longest.lines} lines`);
console.log(`longest function      ${functions[0].name}, ${functions[0].lines} lines`);
console.log(`imports between rooms ${[...between.values()].reduce((sum, set) => sum + set.size, 0)}`);
console.log(`circles               ${fileCircles.length} of files, ${roomCircles.length} of rooms`);
console.log(`names used twice      ${twice.length}`);
for (const line of broken) console.log(line);
process.exitCode = broken.length === 0 ? 0 : 1;
