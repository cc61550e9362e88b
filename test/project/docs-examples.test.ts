// Runs each example of the pages as it is on the page, as far as possible without a mail server.
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { HELP } from '../../src/commands/help.ts';
import { program } from '../../src/commands/program.ts';
import { readConfig, SETTINGS } from '../../src/config/settings.ts';
import { judgeWiring } from '../../src/core/postscreen/wiring.ts';
import { cronInterval } from '../../src/edge/clock.ts';
import catalogue from '../../src/senders/catalogue.json' with { type: 'json' };
import { readCatalogue } from '../../src/senders/catalogue-schema.ts';
import { readSendersFile } from '../../src/senders/senders-file.ts';
import { World } from '../double/world.ts';

const root = join(import.meta.dirname, '..', '..');
const inDocs = readdirSync(join(root, 'docs')).map((name) => join('docs', name));
const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...inDocs.filter((path) => path.endsWith('.md')),
];
const YAML_FILES = ['docker-compose.yml', ...inDocs.filter((path) => /\.ya?ml$/.test(path))];
const read = (path: string) => readFileSync(join(root, path), 'utf8');

interface Example {
  readonly page: string;
  readonly text: string;
}

/** The blocks of this language on all pages, without their indentation. */
function blocks(language: string): readonly Example[] {
  const block = new RegExp(`^( *)\`\`\`${language}\n(.*?)^ *\`\`\`$`, 'gms');
  return PAGES.flatMap((page) =>
    [...read(page).matchAll(block)].map(([, indent = '', text = '']) => ({
      page,
      text: text.replace(new RegExp(`^${indent}`, 'gm'), ''),
    })),
  );
}

/** Texts in backquotes that match `begin`, with the line breaks of the page removed. */
function quoted(begin: RegExp): readonly Example[] {
  return PAGES.flatMap((page) => {
    const prose = read(page).replace(/^ *```.*?^ *```/gms, '');
    const all = [...prose.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text.replace(/\s*\n\s*/g, ' '));
    return [...new Set(all)].filter((text) => begin.test(text)).map((text) => ({ page, text }));
  });
}

/** Lines that are indented as code. */
function codeLines(): readonly Example[] {
  return PAGES.flatMap((page) =>
    [...read(page).matchAll(/^ {4,}(\S.*)$/gm)].map(([, text = '']) => ({ page, text })),
  );
}

const YAML = [...blocks('ya?ml'), ...YAML_FILES.map((page) => ({ page, text: read(page) }))].map(
  ({ page, text }) => ({ page, text, documents: parseAllDocuments(text) as unknown[] }),
);

interface Parsed {
  readonly errors: readonly unknown[];
  readonly warnings: readonly unknown[];
  toJS(): { readonly services?: { readonly screenpass?: { readonly environment?: Record<string, string> } } };
}

const senders = YAML.filter(({ text }) => /^senders:/m.test(text));
const composed = YAML.filter(({ text }) => /^services:/m.test(text));

function configured(env: Record<string, string>) {
  return readConfig(env, {
    catalogue: readCatalogue(catalogue),
    readFile: () => '',
    cronInterval,
  });
}

describe('YAML', () => {
  it('exists', () => {
    expect(senders.length).toBeGreaterThan(0);
    expect(composed.length).toBeGreaterThan(2);
  });

  it.each(YAML)('of $page is parsed without an error or warning', ({ documents }) => {
    expect(documents).toHaveLength(1);
    for (const { errors, warnings } of documents as Parsed[]) expect([errors, warnings]).toEqual([[], []]);
  });

  it.each(composed)('of $page sets only settings that exist', ({ documents }) => {
    const [document] = documents as Parsed[];
    const env = document?.toJS().services?.screenpass?.environment ?? {};
    expect(configured(env)).toMatchObject({ ok: true });
  });

  it.each(senders)('of $page is a senders file with which the daemon starts', async ({ page, text }) => {
    expect(readSendersFile(text, page, readCatalogue(catalogue))).toMatchObject({ ok: true });
    await using world = await World.create();
    const file = join(world.folder, 'senders.yaml');
    await writeFile(file, text);
    world.start({ SCREENPASS_SENDERS_FILE: file });
    expect(await world.alert('started')).toMatchObject({ mode: 'enforce' });
  });
});

describe('a setting in the text', () => {
  it.each(quoted(/^SCREENPASS_[A-Z_]+(?:: |=)\S/))('of $page can be set so: $text', ({ text }) => {
    const [, name = '', value = ''] = /^([A-Z_]+)(?:: |=)(.*)$/.exec(text) ?? [];
    expect(configured({ [name]: value })).toMatchObject({ ok: true });
  });
});

/** The placeholders in the usage of commands, with an example of each. */
const PLACEHOLDERS: Readonly<Record<string, string>> = {
  ...{
    ADDRESS: '54.240.27.75',
    A: '54.240.27.75',
    CIDR: '185.199.108.0/22',
    SENDER: 'amazon-ses',
    ID: 'amazon-ses',
  },
  ...{
    FILE: '-',
    TEXT: 'text',
    SERVERS: '192.0.2.53',
    B: 'a@b.example',
    C: 'c.example',
    ZONE: 'zen.spamhaus.org',
  },
};

/** The words of a command; optional ones are given, of alternatives the first. */
function wordsOf(usage: string): string[] {
  const plain = usage.replace(/[[\]]/g, '').replace(/\.\.\./g, '');
  return [...plain.matchAll(/["']([^"']*)["']|(\S+)/g)].map(([, inQuotes, word = '']) => {
    if (inQuotes !== undefined) return inQuotes;
    const [first = ''] = word.split(/[|¦]/);
    return PLACEHOLDERS[first] ?? first;
  });
}

/** The message about wrong usage; null: the usage is right. Runs nothing. */
function problemOf(args: readonly string[]): string | null {
  const command = program(() => {});
  let said = '';
  for (const one of [command, ...command.commands])
    one
      .action(() => {})
      .configureOutput({ writeErr: (text) => (said += text) })
      .exitOverride();
  try {
    command.parse([...args], { from: 'user' });
    return null;
  } catch (error) {
    return said || String(error);
  }
}

describe('a command', () => {
  /** From the word screenpass to the end of the command, without redirections and pipes. */
  const called = (line: string) =>
    /(?:^|\bscreenpass )screenpass( [^<|>#&;]*)$/.exec(
      line.replaceAll('\\|', '¦').replace(/\s*(?:[<|>#&;].*)?$/, ''),
    )?.[1];
  const pipes = (text: string) => text.split(/ \| /);
  const inBlocks = codeLines()
    .flatMap(({ page, text }) => pipes(text).map((part) => ({ page, text: part.trim() })))
    .filter(({ text }) => called(text) !== undefined && !/ {3}/.test(text.replace(/ +#.*/, '')));
  const inHelp = Object.entries(HELP).flatMap(([name, { example }]) =>
    pipes(example).map((text) => ({ page: `screenpass ${name} --help`, text })),
  );
  const all = [
    ...inBlocks,
    ...inHelp.filter(({ text }) => called(text) !== undefined),
    // One word alone is a mention.
    ...quoted(/^(?:docker exec (?:-\S+ )?screenpass )?screenpass [a-z]+ /),
  ];

  it('is shown for each of them', () => {
    const shown = new Set(all.map(({ text }) => wordsOf(called(text) ?? '')[0]));
    const names = program(() => {}).commands.map((command) => command.name());
    // Compose starts it.
    expect(names.filter((name) => !shown.has(name))).toEqual(['run']);
  });

  it.each(all)('of $page is right usage: $text', ({ text }) => {
    const words = wordsOf(called(text) ?? '');
    expect(problemOf(words)).toBeNull();
  });

  it('that is wrong would be found', () => {
    expect(problemOf(['parse', '--jsno'])).toContain('--jsno');
    expect(problemOf(['spf', '--ip', '192.0.2.1'])).toContain('--sender');
    expect(problemOf(['check', 'nonsense'])).toContain('nonsense');
  });
});

describe('JSON', () => {
  it.each(quoted(/^\{"/))('of $page is valid: $text', ({ text }) => {
    // Three dots replace more fields.
    expect(JSON.parse(text.replace(/,\.\.\.\}$/, '}'))).toBeTypeOf('object');
  });
});

describe('a line for Postfix', () => {
  const TABLE = SETTINGS.SCREENPASS_TABLE.default ?? '';
  const lines = [
    ...codeLines(),
    ...quoted(/^postscreen_access_list\b/),
    ...YAML_FILES.flatMap((page) =>
      read(page)
        .split('\n')
        .map((text) => ({ page, text: text.replace(/^# */, '') })),
    ),
  ].filter(({ text }) => /^postscreen_access_list = /.test(text));

  it('exists', () => {
    expect(lines.length).toBeGreaterThan(1);
  });

  it.each(lines)('of $page wires the table: $text', ({ text }) => {
    const accessList = text.replace(/^postscreen_access_list = /, '');
    const services = 'smtp       inet  n       -       n       -       1       postscreen\n';
    const configuration = { accessList, overrides: '', services, mynetworks: '' };
    expect(judgeWiring(configuration, TABLE, [])).toEqual({ kind: 'wired' });
  });
});
