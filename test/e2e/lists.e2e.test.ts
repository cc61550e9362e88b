// What doctor and the daemon say of access lists, with a real postscreen as the judge: the remedies of doctor are
// followed to the letter, and random lists are held against what postscreen does with them.
import { rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { CheckName, CheckResult } from '../../src/core/doctor/check-result.ts';
import { network } from '../../src/core/net/network.ts';
import { listItems } from '../../src/core/postscreen/wiring.ts';
import { createDockerEngine } from '../../src/edge/docker.ts';
import { askAccess, checkLists } from '../../src/postfix/ask-access.ts';
import { postfixIn } from '../../src/postfix/postfix-commands.ts';
import { openTable, walk } from '../double/access-list.ts';
import { CLIENT, FILES, isAboutOne, type RandomList, randomList } from '../double/random-list.ts';
import { zone } from './dns-steps.ts';
import { Stack, TABLE } from './harness.ts';
import { engineSocket } from './program.ts';
import { createSteps, stepTime } from './steps.ts';

const ses = { from: CLIENT, helo: 'a27-75.smtp-out.us-west-2.amazonses.com', sender: 'x@amazonses.com' };
/** The table in the place of ours for the random lists, since the daemon keeps its own. */
const OTHER = join(dirname(TABLE), 'ours.cidr');
const BLOCK = '54.240.0.0/17 permit\n';
const LISTS = 30;
// The first run also builds the images.
const buildTime = 900_000;
const CONNECT = `perl -MIO::Socket::INET -e '
  my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:25", LocalAddr => "${CLIENT}") or die $@;
  my $port = $s->sockport; <$s>; close $s; print $port'`;

describe('access lists', () => {
  const stack = new Stack({ wired: true, clients: [CLIENT], listed: [CLIENT], zone });
  const { step, passes } = createSteps(stack);

  beforeAll(() => stack.up(), buildTime);
  afterAll(() => stack.remove(), stepTime);

  async function doctor(settings: Record<string, string> = {}): Promise<(check: CheckName) => CheckResult> {
    const { stdout } = await stack.screenpassAs(settings, 'doctor', '--json');
    const findings = JSON.parse(stdout) as CheckResult[];
    return (check) => findings.find((finding) => finding.check === check) as CheckResult;
  }

  /** As docker-mailserver takes a line of its user's files over. */
  async function put(line: string): Promise<void> {
    await stack.inMail('postconf', line.startsWith('smtp/inet/') ? '-P' : '-e', line);
    await reload();
  }

  async function reload(): Promise<void> {
    const before = (await stack.log('mailserver')).length;
    await stack.inMail('postfix', 'reload');
    await stack.logged('mailserver', /master\[\d+\]: reload -- version/, before);
  }

  function lineOf({ remedy }: CheckResult): string {
    return /^ {2}(\S*postscreen_access_list ?=.*)$/m.exec(remedy ?? '')?.[1] ?? '';
  }

  step('let a sender in that is opened', async () => {
    await stack.alert('started');
    await stack.send(ses);
    await stack.alert('reload-done');
    await passes(ses);
  });

  const ours = `cidr:${TABLE}`;
  for (const [what, line, check] of [
    ['a missing table', `postscreen_access_list = hash:/etc/postfix/own_access, ${ours}`, 'order'],
    ['an unknown result', `postscreen_access_list = permit_mynetworks, static:OK, ${ours}`, 'order'],
    ['a word', `postscreen_access_list = reject, ${ours}`, 'order'],
    ['a missing table behind ours', `postscreen_access_list = ${ours}, cidr:/etc/none, reject`, 'order'],
    ['no name of ours', 'postscreen_access_list = permit_mynetworks', 'wired'],
    ['a list of master.cf', 'smtp/inet/postscreen_access_list=permit_mynetworks', 'wired'],
  ] as const)
    step(`are right again when the remedy is followed that doctor has for ${what}`, async () => {
      await put(line);
      const ill = (await doctor())(check);
      expect(ill.verdict).toMatch(/^(?:fail|warn)$/);
      await put(lineOf(ill));
      const after = await doctor();
      expect([after('wired'), after('order')]).toMatchObject([{ verdict: 'ok' }, { verdict: 'ok' }]);
      await passes(ses);
    });

  step('are reported by the daemon, and fail health, until they are right', async () => {
    await stack.inMail('postconf', '-PX', 'smtp/inet/postscreen_access_list');
    const told = (await stack.alerts()).length;
    await put(`postscreen_access_list = permit_mynetworks, hash:/etc/postfix/own_access, ${ours}`);
    const { msg } = await stack.until(
      'alert not-wired',
      async () => (await stack.alerts()).slice(told).find(({ alert }) => alert === 'not-wired'),
      100,
    );
    expect(msg).toContain(
      'hash:/etc/postfix/own_access: open database /etc/postfix/own_access.db: No such file',
    );
    expect(await stack.screenpass('health')).toMatchObject({ code: 1 });
    await put(/Put this line into \S+: (postscreen_access_list = .*?) Then /.exec(msg)?.[1] ?? '');
    await stack.alert('wired', {}, told);
    expect(await stack.screenpass('health')).toMatchObject({ code: 0 });
    await passes(ses);
  });

  step('that name the table under another path have the setting as their remedy', async () => {
    const name = await stack.anotherMail('run', '-v', `${stack.shared}:/tmp/docker-mailserver:ro`);
    const settings = { SCREENPASS_CONTAINER: name };
    await stack.until(
      'Postfix runs',
      async () => (await doctor(settings))('postfix').verdict === 'ok' || undefined,
    );
    const engine = createDockerEngine({ host: `unix://${engineSocket()}`, container: name });
    const path = '/tmp/docker-mailserver/postscreen_access.cidr';
    const { exitCode } = await engine.exec(
      name,
      ['postconf', '-e', `postscreen_access_list = cidr:${path}`],
      10_000,
    );
    expect(exitCode).toBe(0);
    const ill = await doctor(settings);
    for (const check of ['wired', 'table-postfix'] as const) {
      const [, value = ''] = /SCREENPASS_TABLE_IN_CONTAINER: (.*)/.exec(ill(check).remedy ?? '') ?? [];
      expect([ill(check).verdict, value]).toEqual(['fail', path]);
    }
    const after = await doctor({ ...settings, SCREENPASS_TABLE_IN_CONTAINER: path });
    for (const check of ['wired', 'order', 'table-postfix', 'table-shared'] as const)
      expect(after(check)).toMatchObject({ check, verdict: 'ok' });
  });

  /** What postscreen does with the client: its verdict, and its warnings about the list. */
  async function judge(): Promise<{ verdict: string; warnings: string[] }> {
    const before = (await stack.log('mailserver')).length;
    const port = await stack.inMail('sh', '-c', CONNECT);
    const at = `[${CLIENT}]:${port}`;
    const since = await stack.until(`the end of ${at}`, async () => {
      const lines = (await stack.log('mailserver')).slice(before);
      const isOver = lines.some(
        (line) => /(?:ALLOWLISTED|DISCONNECT|PASS \w+) /.test(line) && line.endsWith(at),
      );
      return isOver ? lines : undefined;
    });
    const verdict = since.find((line) => /: (?:ALLOW|DENY)LISTED /.test(line) && line.endsWith(at));
    const warnings = since.flatMap(
      (line) => / warning: (.*(?:ignoring|is unavailable).*)$/.exec(line)?.[1] ?? [],
    );
    return { verdict: /ALLOW|DENY/.exec(verdict ?? '')?.[0] ?? 'NONE', warnings };
  }

  function install({ items, files, above }: RandomList): Promise<void> {
    for (const name of FILES) rmSync(join(stack.shared, name), { force: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(stack.shared, name), text);
    writeFileSync(join(stack.shared, 'ours.cidr'), `${above}${BLOCK}`);
    return put(`postscreen_access_list = ${items.join(', ')}`);
  }

  const lists = fc.sample(randomList(dirname(TABLE), `cidr:${OTHER}`), { numRuns: LISTS, seed: 12 });
  const WORDS: Record<string, string> = { permit: 'ALLOW', reject: 'DENY' };

  for (const [number, list] of lists.entries())
    step(`mean to postscreen what they mean to us and to the double: random list ${number + 1}`, async () => {
      await install(list);
      const seen = await judge();
      const text = list.items.join(', ');

      const tables = list.items.filter((item) => item.includes(':'));
      const path = { inContainer: OTHER, onHost: join(stack.shared, 'ours.cidr') };
      const double = walk(text, new Map(tables.map((item) => [item, openTable(item, path)])), CLIENT);
      const shown = JSON.stringify(list);
      expect({ verdict: WORDS[double.verdict ?? ''] ?? 'NONE', warnings: double.warnings }, shown).toEqual(
        seen,
      );

      const name = stack.nameOf('mailserver');
      const engine = createDockerEngine({ host: `unix://${engineSocket()}`, container: name });
      const postfix = postfixIn(engine, name);
      const access = await askAccess(postfix, listItems(text), [], CLIENT);
      expect(WORDS[access.kind] ?? 'NONE', shown).toBe(seen.verdict);
      const isIgnored = seen.warnings.some((warning) =>
        warning.endsWith('ignoring the remainder of this access list'),
      );
      expect(access.kind === 'error', shown).toBe(isIgnored);

      if (isAboutOne(list)) return;
      const opened = [{ sender: 'amazon-ses', networks: [network('54.240.0.0/17')] }];
      const samples = [{ sender: 'amazon-ses', address: '54.240.0.0' }];
      const { kind } = await checkLists(postfix, await postfix.configuration(), OTHER, opened, samples);
      expect(kind, shown).toBe(seen.verdict === 'ALLOW' ? 'permitted' : 'fault');
    });
});
