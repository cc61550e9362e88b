// The independent reader of the mail log has to agree with the labels of the corpus before it may judge anybody.
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readLines, readMailLog } from './reader.ts';

const CORPUS = new URL('../corpus/', import.meta.url);
const FILES = ['postscreen', 'prefixes', 'later-gates', 'adversarial', 'not-postfix'];
const LABELS = ['program', 'kind', 'ip', 'port', 'code', 'enhanced', 'dnsbl', 'rank'] as const;

interface Row {
  readonly line: string;
  readonly why: string;
  readonly expect: { readonly program: string; readonly kind: string } | null;
  readonly gate: string | null;
  readonly ip: string | null;
}

function rowsOf<T>(file: URL): T[] {
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as T);
}

const read = (lines: readonly string[]) => readLines(Buffer.from(`${lines.join('\n')}\n`, 'utf8'));
/** To the reader all that is no verdict is one kind: it does not know which wordings Postfix has beside them. */
const NO_VERDICT: ReadonlySet<unknown> = new Set(['other', 'list_ignored', 'table_unavailable']);
const asRead = (row: Row['expect']) =>
  row?.program === 'postscreen' && NO_VERDICT.has(row.kind) ? { ...row, kind: 'cache_or_info' } : row;
const only = (of: object | null, names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, (of as Record<string, unknown> | null)?.[name] ?? null]));

describe('the independent reader of the mail log', () => {
  for (const name of FILES)
    it(`reads each line of ${name}.jsonl as it is labelled`, () => {
      const rows = rowsOf<Row>(new URL(`${name}.jsonl`, CORPUS));
      const found = read(rows.map(({ line }) => line));
      expect(found).toHaveLength(rows.length);
      rows.forEach(({ expect: wanted, why }, i) => {
        expect(only(found[i] ?? null, LABELS), why).toEqual(only(asRead(wanted), LABELS));
      });
    });

  it('finds the gate of each line of gates.jsonl', () => {
    const rows = rowsOf<Row>(new URL('gates.jsonl', CORPUS));
    const found = read(rows.map(({ line }) => line));
    expect(found).toHaveLength(rows.length);
    rows.forEach(({ gate, ip, why }, i) => {
      expect(only(found[i] ?? null, ['gate', 'at']), why).toEqual({ gate, at: ip });
    });
  });

  const shapes = new URL('../../../shared/corpus/postscreen-shapes.jsonl', import.meta.url);
  if (!existsSync(shapes)) console.log('the shared corpus is absent: the independent reader did not read it');
  else
    it('reads the lines of the shared corpus as they are labelled', () => {
      const rows = rowsOf<{ line: string; program: string; smtp_code: number | null }>(shapes);
      const known = rows.filter(({ program }) => !['none', 'other', 'postgrey'].includes(program));
      expect(known.length).toBeGreaterThan(120);
      const found = read(known.map(({ line }) => line));
      known.forEach((row, i) => {
        const wanted = only({ ...row, code: row.smtp_code }, LABELS);
        expect(only(found[i] ?? null, LABELS), row.line).toEqual(wanted);
      });
    });
});

/** One session of one client: the texts of postscreen, `C` for the client. */
function sessionOf(...texts: readonly string[]) {
  const lines = texts.map(
    (text, i) =>
      `2026-11-24T02:24:${10 + i}.921946642Z Nov 24 02:24:10 mail postfix/postscreen[7]: ${text.replace(/\bC\b/, '[54.240.27.75]:40112')}\n`,
  );
  const [first] = readMailLog(Buffer.from(lines.join('')));
  return first?.what === 'session' ? [first.outcome, first.gate, first.code] : [];
}

const REPLY = {
  dnsbl:
    'NOQUEUE: reject: RCPT from C: 550 5.7.1 Service unavailable; client [54.240.27.75] blocked using zen.spamhaus.org; from=<>, to=<u@v>, proto=ESMTP, helo=<x>',
  protocol:
    'NOQUEUE: reject: RCPT from C: 550 5.5.1 Protocol error; from=<>, to=<u@v>, proto=ESMTP, helo=<x>',
  later:
    'NOQUEUE: reject: RCPT from C: 450 4.3.2 Service currently unavailable; from=<>, to=<u@v>, proto=ESMTP, helo=<x>',
  operator:
    'NOQUEUE: reject: RCPT from C: 550 5.3.2 Service currently unavailable; from=<>, to=<u@v>, proto=ESMTP, helo=<x>',
};
const CONNECT = 'CONNECT from C to [192.0.2.25]:25';
const HANGUP = 'HANGUP after 0.4 from C in tests before SMTP handshake';

describe('the end of a session, by the independent reader', () => {
  const cases: readonly (readonly [what: string, texts: readonly string[], wanted: readonly unknown[]])[] = [
    [
      'a reply that names the list',
      ['DNSBL rank 3 for C', REPLY.dnsbl, 'DISCONNECT C'],
      ['refused', 'dnsbl', 550],
    ],
    ['action ignore: handed to smtpd without a word', ['DNSBL rank 3 for C'], ['open', null, null]],
    ['action drop', ['DNSBL rank 3 for C', 'DISCONNECT C'], ['refused', 'dnsbl', null]],
    ['pregreet', ['PREGREET 9 after 0 from C: EHLO x\\r\\n', REPLY.protocol], ['refused', 'pregreet', 550]],
    ['bare newline', ['BARE NEWLINE from C after EHLO x', REPLY.protocol], ['refused', 'protocol', 550]],
    ['an unknown client', [REPLY.later, 'PASS NEW C', 'DISCONNECT C'], ['refused', 'first-contact', 450]],
    ['a veto', ['ALLOWLIST VETO C', REPLY.later, 'DISCONNECT C'], ['refused', 'veto', 450]],
    ['the operator', ['DENYLISTED C', REPLY.operator], ['refused', 'operator-reject', 550]],
    ['the operator, action ignore', ['DENYLISTED C', 'PASS NEW C'], ['passed', 'pass_new', null]],
    ['overload', ['NOQUEUE: reject: CONNECT from C: too many connections'], ['refused', 'overload', null]],
    ['a client that hung up in the greet wait', [HANGUP, 'DISCONNECT C'], ['left', null, null]],
    ['an unlisted client that said QUIT', ['DISCONNECT C'], ['ended', null, null]],
    ['the access list', ['ALLOWLISTED C'], ['passed', 'allowlisted', null]],
  ];
  for (const [what, texts, wanted] of cases)
    it(what, () => {
      expect(sessionOf(CONNECT, ...texts)).toEqual(wanted);
    });
});
