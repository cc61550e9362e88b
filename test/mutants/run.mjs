// `npm run mutants [-- MODULE...]`: changes one spot of a module after the other and runs the module's tests: a change that
// no test notices survives. Each survivor is killed by a test, or stands in survivors.json with the reason why it changes
// nothing. Not part of `npm test`: the whole table takes an hour.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A module, and the fewest tests that judge it. */
const MODULES = {
  faults: { mutate: 'src/core/watch/faults.ts', tests: ['test/core/watch/faults*.test.ts'] },
  'writer-plan': {
    mutate: 'src/core/watch/writer-plan.ts',
    tests: ['test/core/watch/writer-plan.test.ts'],
  },
  policy: {
    mutate: 'src/core/policy/policy.ts,src/core/policy/entry-changes.ts',
    tests: ['test/core/policy/policy*.test.ts', 'test/core/policy/manual-entry.test.ts'],
  },
  session: { mutate: 'src/core/postscreen/session.ts', tests: ['test/core/postscreen/session*.test.ts'] },
  position: {
    mutate: 'src/core/log/position.ts,src/core/log/trail.ts',
    tests: ['test/core/log/position*.test.ts'],
  },
  identify: { mutate: 'src/core/senders/identity.ts', tests: ['test/core/senders/identity*.test.ts'] },
  refresh: {
    mutate: 'src/core/senders/list-judgement.ts',
    tests: ['test/core/senders/list-judgement*.test.ts'],
  },
  wiring: { mutate: 'src/core/postscreen/wiring.ts', tests: ['test/core/postscreen/wiring*.test.ts'] },
  'access-list': {
    mutate: 'src/core/postscreen/access-list.ts',
    tests: ['test/core/postscreen/{access-list,wiring}*.test.ts'],
  },
  writer: {
    mutate: ['writer', 'round', 'desired-table', 'wake-signal']
      .map((name) => `src/daemon/writer/${name}.ts`)
      .join(),
    tests: ['test/daemon/writer/{writer,wake-signal}*.test.ts'],
  },
  reloader: { mutate: 'src/daemon/writer/reloader.ts', tests: ['test/daemon/writer/reloader*.test.ts'] },
  'table-keeper': {
    mutate: 'src/daemon/writer/table-keeper.ts',
    tests: ['test/daemon/writer/table-keeper*.test.ts'],
  },
  'wiring-watch': {
    mutate: 'src/daemon/writer/wiring-watch.ts',
    tests: ['test/daemon/writer/wiring-watch*.test.ts'],
  },
  'state-keeper': {
    mutate: 'src/daemon/writer/state-keeper.ts',
    tests: ['test/daemon/writer/state-keeper*.test.ts'],
  },
  postfix: { mutate: 'src/postfix/postfix-commands.ts', tests: ['test/daemon/writer/postfix*.test.ts'] },
  file: { mutate: 'src/edge/file.ts', tests: ['test/edge/file{,-faults}.test.ts'] },
};
/** Of 100 mutants of each module, so many are killed at least. */
const LEAST = 90;

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const EQUAL = JSON.parse(readFileSync(here('survivors.json'), 'utf8'));

/** Where in the file's text a mutant is: its lines, and what it makes of them. */
function described(file, source, { location: { start, end }, replacement, mutatorName, status }) {
  const lines = source.split('\n').slice(start.line - 1, end.line);
  lines[lines.length - 1] = lines.at(-1).slice(0, end.column - 1);
  lines[0] = lines[0].slice(start.column - 1);
  const flat = (text) => text.replace(/\s+/g, ' ');
  return {
    ...{ file, line: start.line, status, kind: mutatorName },
    ...{ code: flat(lines.join('\n')), mutant: flat(replacement) },
    text: source.split('\n')[start.line - 1].trim(),
  };
}

const isListed = (one) =>
  EQUAL.some((known) => ['file', 'text', 'code', 'mutant'].every((key) => known[key] === one[key]));

/** One run of Stryker. Undefined: it did not come to an end. */
function mutants(name, { mutate, tests }) {
  const args = ['stryker', 'run', here('stryker.json'), '--mutate', mutate];
  const env = { ...process.env, MUTANTS_TESTS: tests.join(' ') };
  const { status } = spawnSync('npx', args, { stdio: 'inherit', env });
  if (status !== 0) return undefined;
  const kept = `dist/mutants-${name}.json`;
  renameSync('dist/mutants.json', kept);
  const { files } = JSON.parse(readFileSync(kept, 'utf8'));
  return Object.entries(files).flatMap(([file, { source, mutants: all }]) =>
    all.map((one) => described(file, source, one)),
  );
}

function counted(module, all) {
  const count = (...statuses) => all.filter(({ status }) => statuses.includes(status)).length;
  const open = all.filter(({ status }) => status === 'Survived' || status === 'NoCoverage');
  const equal = open.filter(isListed).length;
  const killed = count('Killed');
  const timeout = count('Timeout');
  const judged = killed + timeout + open.length;
  return {
    row: {
      ...{ module, mutants: judged, killed, timeout, survived: count('Survived') },
      'no coverage': count('NoCoverage'),
      ...{ equal, score: Math.floor((1000 * (killed + timeout)) / judged) / 10 },
    },
    open: open.filter((one) => !isListed(one)),
  };
}

function main(asked) {
  const unknown = asked.filter((name) => !(name in MODULES));
  if (unknown.length > 0) {
    console.error(`Not a module: ${unknown.join(', ')}. There are: ${Object.keys(MODULES).join(', ')}`);
    return 2;
  }
  mkdirSync('dist', { recursive: true });
  const rows = [];
  const open = [];
  for (const name of asked.length > 0 ? asked : Object.keys(MODULES)) {
    const all = mutants(name, MODULES[name]);
    if (all === undefined) return 1;
    const found = counted(name, all);
    rows.push(found.row);
    open.push(...found.open);
  }
  console.table(rows);
  for (const { file, line, status, code, mutant } of open)
    console.log(`${file}:${line} ${status}: ${code}  ->  ${mutant}`);
  const isLow = rows.some(({ score }) => score < LEAST);
  if (open.length > 0) console.log(`${open.length} survive and are not in test/mutants/survivors.json`);
  return open.length > 0 || isLow ? 1 : 0;
}

process.exitCode = main(process.argv.slice(2));
