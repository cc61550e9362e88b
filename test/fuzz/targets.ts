import { deepStrictEqual, ok } from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { BrokenStream, createLogReader, LONGEST_LINE } from '../../src/core/log/frames.ts';
import type { LogLine } from '../../src/core/log/log-line.ts';
import { type PostfixEvent, parseEvent } from '../../src/core/log/postfix-event.ts';
import { network, parseAddress } from '../../src/core/net/network.ts';
import { newEntry } from '../../src/core/policy/entry.ts';
import { GATES } from '../../src/core/postscreen/gate.ts';
import { readLaterRefusal } from '../../src/core/postscreen/later-gate.ts';
import { createSessions, SESSION_LIMITS } from '../../src/core/postscreen/session.ts';
import { parseRecord, selectRecord } from '../../src/core/spf/spf-record.ts';
import { EMPTY_STATE, type State } from '../../src/core/state/state.ts';
import { readState } from '../../src/core/state/state-schema.ts';
import {
  blockLines,
  blockNetworks,
  readEntries,
  renderBlock,
  splitTable,
  withBlock,
} from '../../src/core/table/managed-block.ts';
import { readSendersFile } from '../../src/senders/senders-file.ts';
import { definition } from '../double/definition.ts';
import type { Random } from '../random.ts';
import type { Target } from './fuzz.ts';

/** Below the working directory, which is the package's own in tests and in npm scripts. */
const CORPUS = 'test/corpus';
const STAMP = '2026-11-24T02:24:10.921946642Z';
const TIME = Date.parse('2026-11-24T02:24:10Z');

const latin1 = (text: string) => Buffer.from(text, 'utf8').toString('latin1');

const LINES = readdirSync(CORPUS)
  .filter((name) => name.endsWith('.jsonl'))
  .flatMap((name) => readFileSync(`${CORPUS}/${name}`, 'utf8').trim().split('\n'))
  .map((json) => latin1((JSON.parse(json) as { line: string }).line));

const LINE_WORDS = [
  'postfix/postscreen[1]: ',
  'NOQUEUE: reject: RCPT from [192.0.2.1]:25: 550 5.7.1 ',
  '; from=<',
  '>, to=<',
  ', proto=ESMTP, helo=<',
  ' proto=SMTP helo=<',
  'CONNECT from ',
  'PREGREET 11 after 0.1 from ',
  'blocked using ',
  'warning: ',
  'sasl_method=',
  '[192.0.2.1]:25',
  '[::ffff:192.0.2.1]:25',
];

function isText(value: unknown): boolean {
  return value === null || typeof value === 'string';
}

function isCount(value: unknown): boolean {
  return value === null || (Number.isSafeInteger(value) && Math.abs(value as number) < 1e9);
}

function checkEvent(event: PostfixEvent, line: string): void {
  const { ip, port, code, rank, program, kind, ...texts } = event;
  ok(program !== '' && kind.length > 0);
  ok(ip === null || isIP(ip) !== 0, 'ip');
  ok([port, code, rank].every(isCount), 'a number');
  ok(port === null || port <= 65_535, 'port');
  ok(Object.keys(texts).length === 8 && Object.values(texts).every(isText), 'a text');
  ok(program.length <= line.length);
}

const sessions = createSessions();
let now = TIME;

const lineParser: Target = {
  name: 'line parser and sessions',
  seeds: LINES,
  words: LINE_WORDS,
  read(line) {
    const event = parseEvent(line);
    if (event === undefined) return;
    checkEvent(event, line);
    now += 1;
    const outcome = sessions.take(event, now);
    ok(sessions.size <= SESSION_LIMITS.open);
    if (outcome === undefined || outcome.kind === 'passed') return;
    ok(outcome.refusal.gate in GATES);
    // What waits for DNS is saved, so it must be such that it can be read again.
    const { refusal } = outcome;
    const questions = parseAddress(refusal.ip) === undefined ? [] : [{ refusal, tries: 0, askedAt: null }];
    const state: State = { ...EMPTY_STATE, questions };
    ok(readState(JSON.stringify(state)).ok, 'a refusal that can be saved');
  },
};

const laterGates: Target = {
  name: 'later-gate reader',
  seeds: LINES,
  words: [
    ...LINE_WORDS,
    'Client host rejected: ',
    'Blocked SPAM {',
    'NOTICE [x] Ban ',
    'limit exceeded: 1 from ',
  ],
  read(line) {
    const refusal = readLaterRefusal(line, parseEvent(line));
    if (refusal === undefined) return;
    ok(isIP(refusal.ip) !== 0 && refusal.gate in GATES && isCount(refusal.code));
    ok(refusal.text === null || /^[A-Z][A-Za-z ]{1,79}$/.test(refusal.text));
    ok(line.endsWith(refusal.line));
  },
};

function framed(type: number, text: string): string {
  const header = Buffer.alloc(8);
  header.writeUInt8(type, 0);
  header.writeUInt32BE(text.length, 4);
  return header.toString('latin1') + text;
}

/** The lines that come of the bytes, fed in pieces; ends where the stream is broken. */
function readPieces(tty: boolean, pieces: readonly Buffer[]): LogLine[] {
  const reader = createLogReader(tty);
  const lines: LogLine[] = [];
  try {
    for (const piece of pieces) lines.push(...reader(piece));
  } catch (error) {
    if (!(error instanceof BrokenStream)) throw error;
  }
  return lines;
}

function cutAnywhere(bytes: Buffer, random: Random): Buffer[] {
  const cuts = Array.from({ length: random.below(6) }, () => random.below(bytes.length + 1)).sort(
    (a, b) => a - b,
  );
  const edges = [0, ...cuts, bytes.length];
  return edges.slice(1).map((end, i) => bytes.subarray(edges[i], end));
}

const STREAMS = [
  LINES.slice(0, 5).map((line) => framed(1, `${STAMP} ${line}\n`)),
  LINES.slice(5, 9).map((line, i) => framed(1 + (i % 2), `${STAMP} ${line}\n`)),
  [framed(1, `${STAMP} ${'a'.repeat(16_384)}`), framed(2, `${STAMP} b\n`), framed(1, `${STAMP} c\n`)],
  [framed(3, 'the Engine says so'), framed(1, `${STAMP} d\n`)],
  LINES.slice(9, 14).map((line) => `${STAMP} ${line}\r\n`),
].map((frames) => frames.join(''));

const frames: Target = {
  name: 'frame splitter',
  seeds: STREAMS,
  words: ['\x01\0\0\0\0\0\0\x28', '\x02\0\0\0\0\0\0\0', '\x03\0\0\0\xff\xff\xff\xff', STAMP, '\n', '+14:00 '],
  read(input, random) {
    const bytes = Buffer.from(input, 'latin1');
    const tty = random.below(4) === 0;
    const pieces = readPieces(tty, cutAnywhere(bytes, random));
    for (const { stream, stamp, text } of pieces) {
      ok(stream === 'stdout' || stream === 'stderr');
      ok(text.length <= LONGEST_LINE && !text.includes('\n'));
      const mark = { stamp, count: 1 };
      const cursor = { container: 'c', stdout: mark, stderr: null, trail: [{ stream, ...mark }] };
      ok(readState(JSON.stringify({ ...EMPTY_STATE, cursor })).ok, `a stamp that can be saved: ${stamp}`);
      ok(Date.parse(stamp) >= 0, 'a time that can be saved');
    }
    // A broken stream gives the lines before the break only when they come in an earlier piece.
    const whole = readPieces(tty, [bytes]);
    if (whole.length > 0) deepStrictEqual(pieces, whole);
  },
};

const BLOCK = renderBlock([
  {
    entry: newEntry('amazon-ses', TIME, {
      scope: 'sender',
      networks: [],
      cause: 'dnsbl 550 zen.spamhaus.org',
    }),
    networks: [network('54.240.0.0/17'), network('2001:db8::/32')],
  },
  {
    entry: newEntry('192.0.2.0/24', TIME, { scope: 'network', networks: [], cause: 'operator', until: TIME }),
    networks: [network('192.0.2.0/24')],
  },
]);

const table: Target = {
  name: 'table parser',
  seeds: [
    '',
    '192.0.2.7 reject\n',
    BLOCK,
    `# mine\n192.0.2.7 reject\n${BLOCK}198.51.100.0/24 permit\n`,
    BLOCK + BLOCK,
  ],
  words: [
    '# >>> screenpass',
    '# <<< screenpass\n',
    ' permit\n',
    ', since ',
    ', scope sender',
    '\r\n',
    '/32',
    '-000001-01-01T00:00:00Z',
    'x'.repeat(70),
  ],
  read(input) {
    const { before, block, after } = splitTable(input);
    ok(before + (block ?? '') + after === input, 'all bytes are somewhere');
    const written = withBlock(input, BLOCK);
    ok(withBlock(written, BLOCK) === written, 'written once, it is the same');
    ok(written.startsWith(before) && written.endsWith(after), 'the operator keeps every byte');
    const { first, last } = blockLines(input);
    ok(block === null ? last < first : first <= last);
    ok(blockNetworks(block ?? input).every(({ prefix }) => prefix <= 128));
    const entries = readEntries(block ?? input);
    const read = readState(JSON.stringify({ ...EMPTY_STATE, entries }));
    ok(read.ok, `entries that can be saved: ${read.ok || read.problem}`);
  },
};

const STATE: State = {
  ...EMPTY_STATE,
  cursor: {
    container: 'c',
    stdout: { stamp: STAMP, count: 2 },
    stderr: null,
    trail: [{ stream: 'stdout', stamp: STAMP, count: 2 }],
  },
  entries: [
    newEntry('amazon-ses', TIME, { scope: 'network', networks: ['54.240.0.0/17'], cause: 'dnsbl 550' }),
  ],
  refusals: { google: [TIME] },
  gaveUp: { google: TIME },
  senders: {
    google: {
      spf: ['_spf.google.com'],
      askedAt: TIME,
      listed: { networks: ['74.125.0.0/16'], at: TIME, unlistable: false },
      leaving: [{ network: '35.190.247.0/24', since: TIME }],
      proven: [{ network: '13.110.14.214/32', by: 'spf', at: TIME, doubted: null }],
      trouble: { kind: 'failed', reason: 'no answer', acceptable: false, since: TIME },
    },
  },
  lastRefusal: { sender: 'google', client: '74.125.1.1', gate: 'dnsbl', at: TIME },
  loaded: 'abc',
};

const state: Target = {
  name: 'state reader',
  seeds: [JSON.stringify(STATE), JSON.stringify({ ...STATE, version: 1 }), JSON.stringify(EMPTY_STATE)],
  words: [
    '"version":1',
    '"version":4',
    'null',
    '1e999',
    '[]',
    '{}',
    '"__proto__":',
    '"constructor":',
    '-1',
    '\\u0000',
  ],
  read(input) {
    const read = readState(input);
    if (!read.ok) return ok(read.problem !== '' && read.problem.length <= 400);
    deepStrictEqual(readState(JSON.stringify(read.state)), read);
    return ok(Object.getPrototypeOf(read.state.senders) === Object.prototype);
  },
};

const RECORDS = [
  ...['valid.txt', 'invalid.txt'].flatMap((name) =>
    readFileSync(`${CORPUS}/spf/${name}`, 'utf8').split('\n'),
  ),
  ...readFileSync(`${CORPUS}/spf/published.jsonl`, 'utf8')
    .trim()
    .split('\n')
    .map((json) => (JSON.parse(json) as { txt: string }).txt),
].map(latin1);

const spf: Target = {
  name: 'SPF record parser',
  seeds: RECORDS,
  words: [
    'v=spf1 ',
    ' include:',
    ' exists:%{ir}.',
    ' redirect=',
    ' exp=',
    ' ip4:',
    ' ip6:',
    '/32//128',
    '%{d2r}',
    '%%',
    ' -all',
    ' a:',
    ' mx',
  ],
  read(input) {
    const selected = selectRecord([input]);
    const record = parseRecord(selected.ok && selected.value !== undefined ? selected.value : input);
    if (!record.ok) return ok(record.problem !== '' && record.problem.length < 1000);
    const { directives, redirect, exp } = record.value;
    for (const { qualifier, mechanism, text } of directives) {
      ok('+-~?'.includes(qualifier) && text !== '' && !text.includes(' '));
      if (mechanism.kind === 'ip4') ok(mechanism.network.prefix <= 32);
      if (mechanism.kind === 'ip6') ok(mechanism.network.prefix <= 128);
    }
    return ok([redirect, exp].every((one) => one === null || Array.isArray(one.domain)));
  },
};

const CATALOGUE = [
  definition({ id: 'sendgrid', spf: ['sendgrid.net'], networks: ['167.89.0.0/17'] }),
  definition({ id: 'godaddy', default: false, networks: ['72.167.0.0/16'] }),
];

const sendersFile: Target = {
  name: 'senders file',
  seeds: [
    'senders:\n  - id: partner\n    name: The partner\n    spf: [mail.example.com]\n    networks:\n      - 203.0.114.0/24\n',
    'senders:\n  - id: sendgrid\n    enabled: false\n  - {id: own, rdns: [mail.example.net], category: custom}\n',
    '%YAML 1.1\n---\nsenders: [{id: "a\\x41", networks: ["2a00::/32"]}]\n...\n',
    'senders:\n  - &a {id: x}\n  - *a\n  - !!map {id: y}\n  - ? [complex]\n    : |\n      text\n',
  ],
  words: [
    'senders:',
    '- id: ',
    'networks: [',
    '\n---\n',
    '*a',
    '&a ',
    '!!str ',
    '? ',
    '>-\n',
    '<<: ',
    '[[[[',
    '{{{{',
    '"\\',
    '\t',
    '__proto__: ',
  ],
  read(input) {
    const read = readSendersFile(input, 'FILE', CATALOGUE);
    if (!read.ok) {
      ok(read.problems.length > 0 && read.problems.length <= 101, 'problems, and not without end');
      return ok(read.problems.every((one) => one.startsWith('FILE:') && !/\p{Cc}/u.test(one)));
    }
    const ids = read.senders.map(({ id }) => id);
    return ok(new Set(ids).size === ids.length && ids.every((id) => /^[a-z0-9][a-z0-9-]{0,63}$/.test(id)));
  },
};

/** All that reads what others wrote. */
export const TARGETS: readonly Target[] = [lineParser, laterGates, frames, table, state, spf, sendersFile];
