// Compares the pages with the code, and their links and paths with the files.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { program } from '../../src/commands/program.ts';
import { SETTINGS } from '../../src/config/settings.ts';
import { ALERTS } from '../../src/core/alerts/alert.ts';
import { CHECKS } from '../../src/core/doctor/check-result.ts';
import { LINE_VERDICTS } from '../../src/core/import/import-report.ts';
import { METRICS } from '../../src/core/monitor/metrics.ts';
import { GATES } from '../../src/core/postscreen/gate.ts';

const root = join(import.meta.dirname, '..', '..');
const read = (page: string) => readFileSync(join(root, page), 'utf8');

/** The rows of the table below a heading whose first cell is code, cell by cell. */
function rows(page: string, heading: string): readonly (readonly string[])[] {
  const section = read(page).split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.slice(2, -2).split(/(?<!\\) \| /));
}

const commands = program(() => {}).commands;
const DMS_DOCS = 'https://docker-mailserver.github.io/docker-mailserver/latest/';

describe('the pages', () => {
  it('have every command, and no other', () => {
    const shown = rows('README.md', 'Commands').map(([usage]) => /^`screenpass (\w+)/.exec(usage ?? '')?.[1]);
    expect(shown).toEqual(commands.map((command) => command.name()));
  });

  it('have every setting with its default and meaning, and no other', () => {
    const wanted = Object.entries(SETTINGS).map(([name, { default: value, help }]) => [
      `\`${name}\``,
      value === null ? '-' : `\`${value}\``,
      help,
    ]);
    expect(rows('README.md', 'Settings')).toEqual(wanted);
  });

  it('have every alert with its level and moment, and no other', () => {
    const wanted = Object.entries(ALERTS).map(([kind, { level, when, endedBy = [] }]) => [
      `\`${kind}\``,
      level,
      when,
      endedBy.map((end) => `\`${end}\``).join(', ') || '-',
    ]);
    expect(rows('README.md', 'Alerts')).toEqual(wanted);
  });

  it('have an end for every error', () => {
    const errors = Object.values(ALERTS).filter(({ level }) => level === 'error');
    expect(errors.filter(({ endedBy = [] }) => endedBy.length === 0)).toEqual([]);
  });

  it('say what to do about every alert that is more than news', () => {
    const wanted = Object.entries(ALERTS).flatMap(([kind, { level }]) =>
      level === 'info' ? [] : [`\`${kind}\``],
    );
    expect(rows('docs/troubleshooting.md', 'Alerts').map(([kind]) => kind)).toEqual(wanted);
  });

  it('have every check of doctor, and no other', () => {
    const wanted = Object.entries(CHECKS).map(([name, asks]) => [`\`${name}\``, asks]);
    expect(rows('docs/troubleshooting.md', 'What `doctor` says')).toEqual(wanted);
  });

  it('have every gate behind postscreen with its remedy and page, and no other', () => {
    const wanted = Object.entries(GATES).flatMap(([gate, { level, remedy, docs }]) =>
      level === 'later' ? [[`\`${gate}\``, remedy, `[${docs}](${DMS_DOCS}${docs})`]] : [],
    );
    expect(rows('docs/troubleshooting.md', 'When another gate refused')).toEqual(wanted);
  });

  it('have every verdict of import, and no other', () => {
    const wanted = Object.entries(LINE_VERDICTS).map(([verdict, { wrong, means, advice }]) => [
      `\`${verdict}\`${wrong ? ' (wrong)' : ''}`,
      means,
      advice,
    ]);
    const heading = 'Coming from postwhite, postallow or a list of your own';
    expect(rows('docs/looking-back.md', heading)).toEqual(wanted);
  });

  it('have every metric with its type and meaning, and no other', () => {
    const wanted = Object.entries(METRICS).map(([name, { type, help }]) => [`\`${name}\``, type, help]);
    expect(rows('docs/monitoring.md', 'Metrics')).toEqual(wanted);
  });

  it('add the same service to docker-mailserver as docker-compose.yml', () => {
    const blocks = [...read('README.md').matchAll(/```yaml\n(.*?)```/gs)].map(([, block]) => block ?? '');
    const shown = blocks.map((block) => parse(block)).find(({ services }) => services.screenpass);
    const { services, networks, volumes } = parse(read('docker-compose.yml'));
    const { build, ...screenpass } = services.screenpass;
    expect(build).toBe('.');
    expect({ ...shown, services: shown.services.screenpass }).toEqual({
      services: screenpass,
      networks,
      volumes,
    });
    expect(services.mailserver.volumes).toEqual(expect.arrayContaining(shown.services.mailserver.volumes));
  });
});

describe('the help', () => {
  it.each(
    commands.map((command) => [command.name(), command] as const),
  )('of %s says what it prints, has an example and the exit codes', (_, command) => {
    let help = '';
    command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
    expect(help).toMatch(/^Prints .*^Example: docker .*\bscreenpass\b.*^Exit codes: 0 .*, 2 /ms);
  });
});

/** All files and folders below a folder. */
function inside(folder: string): readonly string[] {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
  return names.map((path) => join(folder, path));
}

/** The anchor that GitHub creates for a heading. */
function anchorOf(heading: string): string {
  const text = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
  return text.replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-');
}

describe('the links', () => {
  const pages = [...readdirSync(root), ...inside('docs'), ...inside('test')].filter((path) =>
    path.endsWith('.md'),
  );

  it.each(pages)('of %s lead to a file, and to a heading in it', (page) => {
    const prose = read(page).replace(/^ *```.*?^ *```/gms, '');
    const links = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link ?? '');
    const broken = links.filter((link) => {
      if (/^https?:/.test(link)) return false;
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? page : relative(root, join(root, dirname(page), path));
      if (!existsSync(join(root, target))) return true;
      const headings = [...read(target).matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
        anchorOf(heading ?? ''),
      );
      return anchor !== undefined && !headings.includes(anchor);
    });
    expect(broken).toEqual([]);
  });
});

describe('the paths in the text', () => {
  const pages = ['README.md', 'CONTRIBUTING.md', ...inside('docs').filter((path) => path.endsWith('.md'))];
  const present = [...inside('src'), ...inside('test')];

  function exists(path: string): boolean {
    const [begin = '', end] = path.replace(/[/.]+$/, '').split('*');
    return present.some((name) =>
      end === undefined ? name === begin : name.startsWith(begin) && name.endsWith(end),
    );
  }

  it.each(pages)('of %s lead to files and folders of src and test', (page) => {
    const code = [...read(page).matchAll(/`([^`\n]+)`/g)].map(([, text]) => text ?? '').join(' ');
    const paths = code.match(/(?<![\w/.-])(?:src|test)\/[\w./*-]+/g) ?? [];
    expect(paths.filter((path) => !exists(path))).toEqual([]);
  });
});
