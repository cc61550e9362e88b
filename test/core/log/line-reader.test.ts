import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasField, SLOT } from '../../../src/core/log/line-form.ts';
import { createLineReader } from '../../../src/core/log/line-reader.ts';
import { POSTFIX } from '../../../src/core/log/line-table.ts';
import { eventOf, isReload, type PostfixEvent, parseEvent } from '../../../src/core/log/postfix-event.ts';
import { readLaterRefusal } from '../../../src/core/postscreen/later-gate.ts';
import { createSessions } from '../../../src/core/postscreen/session.ts';
import { corpusLines } from '../../corpus/lines.ts';
import { readEventByText } from './text-reader.ts';

const LINES = corpusLines();

/** What the header of a line is made of, so that the generator meets the borders between the forms. */
const STAMPS = [
  '2026-11-24T02:24:10.921946+00:00 ',
  '2026-11-24T02:24:10.921946642Z ',
  '2026-11-24T02:24:10-05:00 ',
  '2026-11-24T02:24:10.Z ',
  '2026-11-24T02:24:10.1234567890Z ',
  '2026-11-24T02:24:10 ',
  'Nov 24 02:24:10 ',
  'Nov  4 02:24:10 ',
  'NOV 24 02:24:10 ',
  "2026-11-24 02:24:10,123 DEBG 'rsyslog' stdout output: ",
  'mailserver  | ',
  '',
];
const HOSTS = ['mail ', '2026 ', 'h[1]: ', 'a|b ', `${'h'.repeat(255)} `, `${'h'.repeat(256)} `, ' ', ''];
const TAGS = [
  ...[
    'postfix/qmgr',
    'postfix/postscreen',
    'postfix/smtpd',
    'x/smtpd',
    'postfix/a/dnsblog',
    'postfix/master',
    'postfix/cleanup',
  ],
  ...['amavis', 'fail2ban.actions', 'dovecot', 'rspamd', 'postfix/', 'a b', 'a]b', `${'t'.repeat(256)}`, ''],
];
const PIDS = ['[1]: ', '[1234567890]: ', '[12345678901]: ', '[]: ', '[1]:', ': ', '[x]: ', '[1]: [2]: '];
const SEVERITIES = ['', '', 'warning: ', 'error: ', 'fatal: ', 'panic: ', 'warning:', 'info: '];
const BODIES = [
  'CONNECT from [192.0.2.1]:25 to [192.0.2.25]:25',
  'NOQUEUE: reject: RCPT from a[192.0.2.1]: 550 5.7.1 no; from=<> to=<> proto=SMTP helo=<x>',
  'NOQUEUE: milter-reject: END-OF-MESSAGE from a[192.0.2.1]: 5.7.1 Spam message rejected; from=<a> to=<b> proto=SMTP helo=<x>',
  'Connection rate limit exceeded: 9 from a[192.0.2.1] for service smtpd',
  '(1-1) Blocked SPAM {X}, [192.0.2.1]:25 <a> -> <b>',
  'NOTICE [postfix] Ban 192.0.2.1',
  'addr 192.0.2.1 listed by domain z as 127.0.0.2',
  'addr 192.0.2.1 listed by domain z."\\ as 127.0.0.2',
  'CONNECT from [192.0.2.1]:65536 to [192.0.2.25]:25',
  'CONNECT from [192.0.2.01]:25',
  'CONNECT from [::ffff:192.0.2.1]:25',
  'PASS OLD [256.0.2.1]:025',
  'PASS NEW [2001:DB8::1]:25',
  'DISCONNECT [2001:db8::1]:25',
  'ALLOWLISTED [192.0.2.1]:0',
  ...[
    '4XyZ12b3c4z9Nv: removed',
    '5E3C7: removed',
    '5E3C: removed',
    '5E3C7BCDFGzz: removed',
    '5E3C7:',
    'NOQUEUE: x',
  ],
  ...['ABCDEFGHIJKLMN: x', `${'5'.repeat(21)}: x`, `${'z'.repeat(21)}: x`, `${'z'.repeat(20)}: x`],
  'CONNECT from [2001:db8:0:0:0:0:0:1]:25',
  'addr 2001:db8::00ff listed by domain z as 127.0.0.2',
  'DNSBL rank 012 for [192.0.2.1]:25',
  'DNSBL rank -2 for [192.0.2.1]:25',
  'reload -- version 3.7, configuration /etc/postfix',
  'connect from a[192.0.2.1]',
  '',
];
const built = fc
  .tuple(
    fc.array(fc.constantFrom(...STAMPS), { maxLength: 3 }),
    ...[HOSTS, TAGS, PIDS, SEVERITIES, BODIES].map((parts) => fc.constantFrom(...parts)),
  )
  .map(([stamps, ...rest]) => [...stamps, ...rest].join(''));

/** A line with a piece of it taken out, doubled or put in place of another. */
const mutated = fc
  .tuple(
    fc.oneof(fc.constantFrom(...LINES), built),
    fc.nat(),
    fc.nat(12),
    fc.nat(3),
    fc.string({ unit: 'binary' }),
  )
  .map(([line, place, length, what, text]) => {
    const at = place % Math.max(1, Math.min(line.length, 120));
    const piece = line.slice(at, at + length);
    const put = [piece + piece, '', Buffer.from(text, 'utf8').toString('latin1'), piece.toUpperCase()][what];
    return line.slice(0, at) + put + line.slice(at + length);
  });
const anyLine = fc.oneof(fc.constantFrom(...LINES), built, mutated);

/** What the daemon makes of a line when it is read to its end. */
function told(line: string): unknown {
  const event = parseEvent(line);
  const later = readLaterRefusal(line, event);
  if (later !== undefined) return later;
  if (event === undefined || event.stamp === null) return undefined;
  if (isReload(event) || event.kind === 'dnsbl_listed') return event;
  const sessions = createSessions();
  const outcome = sessions.take(event, 1);
  return outcome ?? (sessions.size > 0 ? event : undefined);
}

/** The line among others, as it stands in a chunk of a log. */
function inChunk<T>(line: string, look: (bytes: Buffer, from: number, to: number) => T): T {
  const before = 'reject: ]: 0\n';
  const bytes = Buffer.from(`${before}${line}\nreject: ]: 0`, 'latin1');
  return look(bytes, before.length, before.length + line.length);
}

/** The event of the line, the second time that the reader meets its tag, and whether its values are as in JSON. */
function readInChunk(line: string): { event: PostfixEvent | undefined; isPlain: boolean } {
  const reader = createLineReader();
  return inChunk(line, (...place) => {
    reader.read(...place);
    const form = reader.read(...place);
    const event = form && eventOf(form, reader.line);
    return { event, isPlain: event !== undefined && reader.line.isPlain };
  });
}

describe('the reader of lines', () => {
  it('says the same as regular expressions over the text, whatever is in a line', () => {
    const kinds = new Set<unknown>();
    fc.assert(
      fc.property(anyLine, (line) => {
        const event = readEventByText(line);
        expect(readInChunk(line).event).toEqual(event);
        expect(parseEvent(line)).toEqual(event);
        kinds.add(event?.kind ?? 'none');
      }),
      { numRuns: 20_000 },
    );
    const known = Object.values(POSTFIX).flatMap((rows) => rows.map(([kind]) => kind));
    expect(kinds).toEqual(new Set([...known, 'other', 'none']));
  });

  it('says the same of every line of the corpus', () => {
    for (const line of LINES) expect(readInChunk(line).event, line).toEqual(readEventByText(line));
  });

  it('says of values that they are as in JSON only where they are', () => {
    const reader = createLineReader();
    let count = 0;
    fc.assert(
      fc.property(anyLine, (line) => {
        const bytes = Buffer.from(line, 'latin1');
        const form = reader.read(bytes, 0, bytes.length);
        const event = form && eventOf(form, reader.line);
        if (form === undefined || event === undefined || !reader.line.isPlain) return;
        count += 1;
        for (const field of ['ip', 'port', 'code', 'dnsbl', 'rank', 'helo', 'sender', 'recipient'] as const) {
          const { [field]: value } = event;
          const [from, to] = [0, 1].map((i) => reader.line.spans[2 * SLOT[field] + i]);
          const there = hasField(form, field) ? bytes.toString('latin1', from, to) : null;
          expect(there).toBe(value === null ? null : String(value));
        }
      }),
      { numRuns: 20_000 },
    );
    expect(count).toBeGreaterThan(1_000);
  });

  it.each([
    ['connect', 'postscreen', 'CONNECT from [192.0.2.1]:25 to [192.0.2.25]:25'],
    ['connect', 'postscreen', 'CONNECT from [2001:db8::1]:40000 to [192.0.2.25]:25'],
    ['hangup', 'postscreen', 'HANGUP after 0.21 from [192.0.2.1]:25 in tests before SMTP handshake'],
    ['pregreet', 'postscreen', 'PREGREET 11 after 0.08 from [192.0.2.1]:25: EHLO x\\r\\n'],
    [
      'reject',
      'postscreen',
      'NOQUEUE: reject: RCPT from [192.0.2.1]:25: 550 5.7.1 Service unavailable; client [192.0.2.1] blocked using z.example; from=<>, to=<a@b>, proto=SMTP, helo=<x>',
    ],
    ['pass_old', 'postscreen', 'PASS OLD [192.0.2.1]:25'],
    ['pass_new', 'postscreen', 'PASS NEW [192.0.2.1]:25'],
    ['allowlisted', 'postscreen', 'ALLOWLISTED [192.0.2.1]:25'],
    ['disconnect', 'postscreen', 'DISCONNECT [192.0.2.1]:65535'],
    ['dnsbl_rank', 'postscreen', 'DNSBL rank 12 for [192.0.2.1]:25'],
    ['dnsbl_listed', 'dnsblog', 'addr 192.0.2.1 listed by domain zen.spamhaus.org as 127.0.0.2'],
    ['other', 'smtpd', 'connect from unknown[192.0.2.1]'],
    ['other', 'qmgr', '4XyZ: removed'],
    ['other', 'qmgr', '4XyZ12b3c4z9Nv: removed'],
    ['other', 'qmgr', '5E3C7: removed'],
  ])('needs no text for %s of %s: %s', (kind, program, body) => {
    for (const stamp of ['2026-11-24T02:24:10.921946+00:00', 'Nov 24 02:24:10', 'Nov  4 02:24:10'])
      expect(readInChunk(`${stamp} mail postfix/${program}[910]: ${body}`)).toMatchObject({
        event: { kind, program },
        isPlain: true,
      });
  });

  it('keeps a bounded number of tags, and reads lines of more', () => {
    const reader = createLineReader();
    const tagOf = (tag: string) =>
      inChunk(`2026-11-24T02:24:10+00:00 mail postfix/${tag}[1]: x`, (...line) => {
        expect(reader.read(...line)?.kind).toBe('other');
        return reader.line.tag;
      });
    for (let i = 0; i < 64; i += 1) expect(tagOf(`t${i}`)).toBe(i);
    expect(tagOf('qmgr')).toBe(-1);
    expect(tagOf('t1')).toBe(1);
  });
});

const mayTell = (line: string) =>
  inChunk(line, (...place) => createLineReader().read(...place)?.isIdle === false);

describe('the first look at a line', () => {
  it('passes by no line of which the daemon makes something', () => {
    let passed = 0;
    fc.assert(
      fc.property(anyLine, (line) => {
        if (mayTell(line)) return;
        passed += 1;
        expect(told(line)).toBeUndefined();
      }),
      { numRuns: 20_000 },
    );
    expect(passed).toBeGreaterThan(1_000);
  });

  it.each([
    '2026-11-24T02:24:10.921946+00:00 mail postfix/smtpd[1]: connect from unknown[192.0.2.1]',
    '2026-11-24T02:24:10.921946+00:00 mail postfix/qmgr[1]: 4XyZ: removed',
    'Nov 24 02:24:10 mail postfix/smtpd[1]: disconnect from unknown[192.0.2.1] ehlo=1 quit=1 commands=2',
    'Nov 24 02:24:10 mail dovecot: imap-login: Login: user=<a@example.test>, method=PLAIN, rip=192.0.2.1, TLS',
    'Nov 24 02:24:10 mail amavis[1]: (1-1) Passed CLEAN {RelayedInbound}, [192.0.2.1]:25 <a> -> <b>',
    '2026-11-24T02:24:10.921946+00:00 mail rspamd[1]: <abc>; proxy; rspamd_task_write_log: id: <x>',
  ])('passes by what nearly all lines are: %s', (line) => {
    expect(mayTell(line)).toBe(false);
  });
});
