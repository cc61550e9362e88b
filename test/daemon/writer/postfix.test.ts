import { describe, expect, it } from 'vitest';
import type { ExecResult } from '../../../src/core/engine/mail-container.ts';
import { network } from '../../../src/core/net/network.ts';
import { renderBlock } from '../../../src/core/table/managed-block.ts';
import { EngineError } from '../../../src/ports.ts';
import { postfixIn } from '../../../src/postfix/postfix-commands.ts';

const PATH = '/etc/screenpass/t.cidr';
const TABLE = renderBlock([]);

/** Answers by command line; what was asked, with its time limit. */
function setUp(answers: Readonly<Record<string, Partial<ExecResult>>> = {}) {
  const asked: string[] = [];
  const postfix = postfixIn(
    {
      async exec(id, argv, timeoutMs) {
        const command = argv.join(' ');
        asked.push(`${id} ${timeoutMs}: ${command}`);
        return { exitCode: 0, stdout: '', stderr: '', ...answers[command] };
      },
    },
    'c1',
  );
  return { postfix, asked };
}

const ask = (address: string) => `postmap -q ${address} cidr:${PATH}`;

describe('a table', () => {
  it('is asked for a member, and for three at most until one is permitted', async () => {
    const members = ['54.240.0.0/17', '69.72.32.0/20', '167.89.0.0/17', '199.255.192.0/22'].map(network);
    const { postfix, asked } = setUp();
    expect(await postfix.checkTable(PATH, TABLE, members)).toMatchObject({ good: false });
    expect(asked).toEqual(['54.240.0.0', '69.72.32.0', '167.89.0.0'].map((one) => `c1 10000: ${ask(one)}`));
    const second = setUp({ [ask('69.72.32.0')]: { stdout: 'permit\n' } });
    expect(await second.postfix.checkTable(PATH, TABLE, members)).toEqual({ good: true, complaint: null });
    expect(second.asked).toHaveLength(2);
    const first = setUp({ [ask('54.240.0.0')]: { stdout: 'permit\n' } });
    expect(await first.postfix.checkTable(PATH, TABLE, members)).toEqual({ good: true, complaint: null });
    expect(first.asked).toHaveLength(1);
  });

  it('without rules is asked for an address of nobody, which it need not permit', async () => {
    const { postfix, asked } = setUp({ [ask('192.0.2.1')]: { exitCode: 1 } });
    expect(await postfix.checkTable(PATH, TABLE, [])).toEqual({ good: true, complaint: null });
    expect(asked).toEqual([`c1 10000: ${ask('192.0.2.1')}`]);
  });
});

describe('whether Postfix runs', () => {
  it.each([
    [0, true],
    [1, false],
  ])('is what exit code %i says', async (exitCode, runs) => {
    const { postfix, asked } = setUp({ 'postfix status': { exitCode } });
    expect(await postfix.running()).toBe(runs);
    expect(asked).toEqual(['c1 10000: postfix status']);
  });

  it.each([
    [{ stderr: 'fatal: open\n', stdout: 'x' }, 'postfix status: fatal: open'],
    [{ stdout: 'not found\r\n' }, 'postfix status: not found'],
  ])('is not known after another one', async (output, message) => {
    const { postfix } = setUp({ 'postfix status': { exitCode: 126, ...output } });
    const error: unknown = await postfix.running().catch((failure: unknown) => failure);
    expect(error).toBeInstanceOf(EngineError);
    expect(error).toMatchObject({ kind: 'failed', message });
  });
});

it('a reload has half a minute, and its outcome is given as it is', async () => {
  const { postfix, asked } = setUp({ 'postfix reload': { exitCode: 1, stderr: 'no' } });
  expect(await postfix.reload()).toEqual({ exitCode: 1, stdout: '', stderr: 'no' });
  expect(asked).toEqual(['c1 30000: postfix reload']);
});

describe('the configuration', () => {
  const answers = {
    'postconf -hx postscreen_access_list mynetworks': { stdout: ' permit_mynetworks \n 127.0.0.0/8 \n' },
    'postconf -Px */inet/*': { stdout: 'overrides' },
    'postconf -M': { stdout: 'services' },
  };

  it('is what postconf says', async () => {
    const { postfix, asked } = setUp(answers);
    expect(await postfix.configuration()).toEqual({
      ...{ accessList: 'permit_mynetworks', mynetworks: '127.0.0.0/8' },
      ...{ overrides: 'overrides', services: 'services' },
    });
    expect(asked).toEqual(Object.keys(answers).map((command) => `c1 10000: ${command}`));
  });

  it('of a Postfix without these values is empty', async () => {
    const { postfix } = setUp({ 'postconf -hx postscreen_access_list mynetworks': { stdout: '' } });
    expect(await postfix.configuration()).toMatchObject({ accessList: '', mynetworks: '' });
  });

  it('is not known when postconf fails', async () => {
    const { postfix } = setUp({ 'postconf -M': { exitCode: 1, stdout: 'x', stderr: ' fatal: bad\n' } });
    await expect(postfix.configuration()).rejects.toThrow(new EngineError('failed', 'postconf: fatal: bad'));
  });
});

it('parameters are given by name, without those that Postfix does not know', async () => {
  const stdout = 'smtpd_banner = $myhostname ESMTP = x\nempty =\nwithout a value\ntwo words = x\n\n';
  const { postfix, asked } = setUp({ 'postconf -x smtpd_banner empty none': { stdout } });
  expect(await postfix.settings(['smtpd_banner', 'empty', 'none'])).toEqual({
    ...{ smtpd_banner: '$myhostname ESMTP = x', empty: '' },
  });
  expect(asked).toEqual(['c1 10000: postconf -x smtpd_banner empty none']);
});

it('a table of any type is asked for an address', async () => {
  const { postfix, asked } = setUp({ 'postmap -q 192.0.2.1 hash:/t': { stdout: 'reject\n' } });
  expect(await postfix.ask('hash:/t', '192.0.2.1')).toMatchObject({ stdout: 'reject\n' });
  expect(asked).toEqual(['c1 10000: postmap -q 192.0.2.1 hash:/t']);
});
