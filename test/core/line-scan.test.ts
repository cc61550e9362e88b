import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readLaterRefusal } from '../../src/core/later-gate.ts';
import { mayTell } from '../../src/core/line-scan.ts';
import { parseEvent, readsAfresh } from '../../src/core/postfix-event.ts';
import { createSessions } from '../../src/core/session.ts';

const CORPUS = new URL('../corpus/', import.meta.url);

const LINES = readdirSync(CORPUS)
  .filter((name) => name.endsWith('.jsonl'))
  .flatMap((name) => readFileSync(new URL(name, CORPUS), 'utf8').trim().split('\n'))
  .map((json) => Buffer.from((JSON.parse(json) as { line: string }).line, 'utf8').toString('latin1'));

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
  if (readsAfresh(event) || event.kind === 'dnsbl_listed') return event;
  const sessions = createSessions();
  const outcome = sessions.take(event, 1);
  return outcome ?? (sessions.size > 0 ? event : undefined);
}

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
