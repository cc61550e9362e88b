import { describe, expect, it } from 'vitest';
import { network, parseAddress } from '../../../src/core/net/network.ts';
import {
  type Access,
  accessOf,
  readOwnNetworks,
  readTableAnswer,
  type TableAnswer,
} from '../../../src/core/postscreen/access-list.ts';

const answer = (more: object) => readTableAnswer({ exitCode: 0, stdout: '', stderr: '', ...more });
const value = (text: string): TableAnswer => ({ kind: 'value', value: text });
const NOTHING: TableAnswer = { kind: 'nothing' };
const FAILED: TableAnswer = { kind: 'failed', reason: 'open /t: no' };
const UNKNOWN: TableAnswer = { kind: 'unknown', reason: 'exit code 2' };

/** What the list makes of the client; an unasked table is the question. */
function access(
  items: readonly string[],
  answers: Readonly<Record<string, TableAnswer>> = {},
  { mynetworks = '', ip = '192.0.2.9' } = {},
): Access | { readonly kind: 'ask'; readonly table: string } {
  const address = parseAddress(ip);
  if (address === undefined) throw new Error(ip);
  return accessOf(items, { address, answers: new Map(Object.entries(answers)) }, readOwnNetworks(mynetworks));
}

describe('an answer of postmap', () => {
  it('is the value, or nothing', () => {
    expect(answer({ stdout: 'permit\n' })).toEqual(value('permit'));
    expect(answer({ exitCode: 1 })).toEqual(NOTHING);
    expect(answer({ exitCode: 1, stdout: ' \n' })).toEqual(NOTHING);
  });

  it.each(['fatal', 'error', 'panic'])('with "%s" is a failure, whatever else it has', (word) => {
    const stderr = `postmap: warning: x\npostmap: ${word}: open /t: Permission denied\n`;
    expect(answer({ stdout: 'permit', stderr })).toEqual({
      ...{ kind: 'failed', reason: 'open /t: Permission denied' },
    });
  });

  it('with a warning, or those words elsewhere, is one all the same', () => {
    expect(answer({ stdout: 'permit', stderr: 'postmap: warning: x\n' })).toEqual(value('permit'));
    expect(answer({ stdout: 'permit', stderr: 'x postmap: fatal: y\n' })).toEqual(value('permit'));
  });

  it('of another exit code is not known', () =>
    expect(answer({ exitCode: 2, stdout: 'permit' })).toEqual({
      ...{ kind: 'unknown', reason: 'postmap ended with exit code 2' },
    }));
});

describe('mynetworks', () => {
  it('has networks', () =>
    expect(readOwnNetworks('10.0.0.0/8')).toEqual([
      { kind: 'network', network: network('10.0.0.0/8'), isMember: true },
    ]));

  it.each([
    ['192.0.2.1', 32],
    ['0.0.0.0/0', 0],
    ['[2001:db8::1]', 128],
    ['[2001:db8::]/32', 32],
    ['[192.0.2.0]/24', 24],
  ])('%s is a network of /%i', (text, prefix) =>
    expect(readOwnNetworks(text)).toMatchObject([{ kind: 'network', network: { prefix } }]));

  it('may exclude networks and tables, by one or more marks', () => {
    expect(readOwnNetworks('!192.0.2.1 !!192.0.2.2 !cidr:/t cidr:/t!')).toMatchObject([
      { kind: 'network', isMember: false },
      { kind: 'network', isMember: false },
      { kind: 'table', table: 'cidr:/t', isMember: false },
      { kind: 'table', table: 'cidr:/t!', isMember: true },
    ]);
  });

  it('with host bits set is wrong, as it is written', () =>
    expect(readOwnNetworks('192.0.2.1/24, !10.0.0.1/8')).toEqual([
      { kind: 'wrong', text: '192.0.2.1/24' },
      { kind: 'wrong', text: '!10.0.0.1/8' },
    ]));

  it('as IPv4 in IPv6 is never matched', () => {
    expect(readOwnNetworks('[::ffff:127.0.0.0]/104 ::FFFF:10.0.0.0/104')).toEqual([]);
    expect(readOwnNetworks('1::ffff:7')).toHaveLength(1);
  });

  it.each([
    '/etc/networks',
    '192.0.2.0/33',
    '[2001:db8::]/129',
    '192.0.2.0/',
    '192.0.2.0/24x',
    'x192.0.2.0/24',
    '[192.0.2.0/24',
    '[192.0.2.0]]/24',
    '192.0.2.0/1234',
    'host.example',
    '-x:y',
    'cidr:',
  ])('%s is not looked into', (text) => expect(readOwnNetworks(text)).toEqual([{ kind: 'unread', text }]));

  it('has tables of any type, named by a word', () =>
    expect(readOwnNetworks('Hash_1:/t').map((one) => ('table' in one ? one.table : null))).toEqual([
      'Hash_1:/t',
    ]));
});

describe('an access list', () => {
  it('ends with none, and in a word that decides', () => {
    expect(access([])).toEqual({ kind: 'none', by: null });
    expect(access(['PERMIT', 'reject'])).toEqual({ kind: 'permit', by: 'PERMIT' });
    expect(access(['Reject'])).toEqual({ kind: 'reject', by: 'Reject' });
    expect(access(['DUNNO', 'permit'])).toEqual({ kind: 'none', by: 'DUNNO' });
    expect(access(['nonsense', 'permit'])).toEqual({
      ...{ kind: 'error', by: 'nonsense', reason: 'unknown command: nonsense' },
    });
  });

  it('asks each table in its turn', () => {
    const list = ['cidr:/a', 'cidr:/b', 'reject'];
    expect(access(list)).toEqual({ kind: 'ask', table: 'cidr:/a' });
    expect(access(list, { 'cidr:/a': NOTHING })).toEqual({ kind: 'ask', table: 'cidr:/b' });
    expect(access(list, { 'cidr:/a': NOTHING, 'cidr:/b': NOTHING })).toEqual({
      kind: 'reject',
      by: 'reject',
    });
    expect(access(list, { 'cidr:/a': value('permit') })).toEqual({ kind: 'permit', by: 'cidr:/a' });
    expect(access(list, { 'cidr:/a': FAILED })).toEqual({
      kind: 'error',
      by: 'cidr:/a',
      reason: 'open /t: no',
    });
    expect(access(list, { 'cidr:/a': UNKNOWN })).toEqual({ kind: 'unknown', reason: 'exit code 2' });
  });

  it.each([
    ['dunno', 'reject'],
    ['DUNNO permit', 'reject'],
    ['cidr:/other permit', 'reject'],
    ['permit_mynetworks permit', 'permit'],
    ['permit, reject', 'permit'],
    ['permit_mynetworks', 'reject'],
    ['nonsense', 'error'],
  ])('takes a value of "%s" as a list: %s', (text, kind) => {
    const { kind: found } = access(['cidr:/a', 'reject'], { 'cidr:/a': value(text) });
    expect(found).toBe(kind);
  });

  it('reads the first word of a value, without what follows it', () => {
    expect(access(['cidr:/a', 'permit'], { 'cidr:/a': value('REJECT 550 go') }).kind).toBe('reject');
    expect(access(['cidr:/a', 'reject'], { 'cidr:/a': value('PERMIT # note') }).kind).toBe('permit');
  });

  it('names the table of an unknown word in it', () =>
    expect(access(['cidr:/a'], { 'cidr:/a': value('nonsense') })).toEqual({
      ...{ kind: 'error', by: 'cidr:/a', reason: 'unknown command: nonsense' },
    }));
});

describe('permit_mynetworks', () => {
  const own = (mynetworks: string, answers: Readonly<Record<string, TableAnswer>> = {}) =>
    access(['PERMIT_mynetworks', 'reject'], answers, { mynetworks });
  const BY = 'PERMIT_mynetworks';
  const PERMIT = { kind: 'permit', by: BY };
  const REJECT = { kind: 'reject', by: 'reject' };

  it('permits by the first network that holds the client, and goes on where that excludes it', () => {
    expect(own('198.51.100.0/24 192.0.2.0/24')).toEqual(PERMIT);
    expect(own('198.51.100.0/24')).toEqual(REJECT);
    expect(own('!192.0.2.9 192.0.2.0/24')).toEqual(REJECT);
    expect(own('192.0.2.0/24 !192.0.2.9')).toEqual(PERMIT);
    expect(own('')).toEqual(REJECT);
  });

  it('permits an IPv6 client, and everything with 0.0.0.0/0; what is wrong matters only when it is reached', () => {
    const mynetworks = '127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128 10.0.0.1/8';
    expect(access([BY, 'reject'], {}, { mynetworks, ip: '::1' })).toEqual(PERMIT);
    expect(own('0.0.0.0/0')).toEqual(PERMIT);
    expect(access(['permit', BY], {}, { mynetworks }).kind).toBe('permit');
  });

  it('asks tables, of which any value counts', () => {
    expect(own('cidr:/n')).toEqual({ kind: 'ask', table: 'cidr:/n' });
    expect(own('cidr:/n', { 'cidr:/n': value('x') })).toEqual(PERMIT);
    expect(own('!cidr:/n 192.0.2.9', { 'cidr:/n': value('x') })).toEqual(REJECT);
    expect(own('cidr:/n 192.0.2.9', { 'cidr:/n': NOTHING })).toEqual(PERMIT);
    expect(own('cidr:/n', { 'cidr:/n': NOTHING })).toEqual(REJECT);
    expect(own('cidr:/n', { 'cidr:/n': UNKNOWN })).toEqual({ kind: 'unknown', reason: 'exit code 2' });
    expect(own('cidr:/n', { 'cidr:/n': FAILED })).toEqual({
      ...{ kind: 'error', by: BY, reason: 'mynetworks: cidr:/n: open /t: no' },
    });
  });

  it('cannot be told by a file, and is an error by what is wrong, where nothing comes before', () => {
    expect(own('/etc/networks')).toEqual({
      ...{ kind: 'unknown', reason: '"/etc/networks" in mynetworks is no network, and is not looked into' },
    });
    expect(own('192.0.2.9 /etc/networks')).toEqual(PERMIT);
    expect(own('192.0.2.1/24')).toEqual({
      ...{ kind: 'error', by: BY, reason: '"192.0.2.1/24" in mynetworks has host bits set' },
    });
  });
});
