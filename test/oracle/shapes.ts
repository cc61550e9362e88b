// The sessions of an oracle run: which client comes from where and what it says, all from one seed.
import type { Random } from '../random.ts';

/** A client of the run. `sender` is whose address it is: known here by itself, never from a table of src. */
export interface Source {
  readonly address: string;
  readonly sender: string | null;
  readonly listed: boolean;
}

/** What smtp-sessions.pl plays; sessions with the same `id` come one after the other. */
export interface Session {
  readonly id: string;
  readonly shape: string;
  readonly source: Source;
  /** From the start of the run, in ms. */
  readonly start: number;
  /** Null: any; what smtp-sessions.pl says, then. */
  readonly port: number | null;
  readonly from: string;
  readonly to: string;
  readonly steps: readonly string[];
}

type Step = string;

const send = (text: string): Step => `send ${Buffer.from(text, 'latin1').toString('hex')}`;
const more = (text: string): Step => `more ${Buffer.from(text, 'latin1').toString('hex')}`;
/** Says it and hears the answer, unless the answer before was a refusal. */
const ask = (text: string): Step[] => [more(`${text}\r\n`), 'next'];
const QUIT: Step[] = [send('QUIT\r\n'), 'wait', 'shut'];
const BODY = 'From: <a@client.example>\r\nTo: <user@example.test>\r\nSubject: test\r\n\r\nA test.\r\n.\r\n';

const LIE = '[54.240.27.75]:25';
/** Claims that look like something else in the log. None has a blank or a line end that SMTP would not let through. */
const HELOS = [
  ...['mail.client.example', 'a8-1.smtp-out.amazonses.com', '[192.0.2.7]', 'x>,to=<y@z>,helo=<q', '%s%n%d'],
  ...[`DISCONNECT\t${LIE}`, `NOQUEUE:\treject:\tRCPT\tfrom\t${LIE}:`, 'caf\u00e9.example', '\u001b[2J'],
] as const;
const MAIL_FROMS = [
  ...['a@client.example', '', '%s%n@x.example', '"a>, to=<b"@x.example', 'x@mail.amazonses.com'],
  String.raw`a@x\>,\ to=<b\>,\ proto=ESMTP,\ helo=<a8-1.smtp-out.amazonses.com`,
  '"a@x ; from=<bounces@amazonses.com>, to=<u"@v.example',
  `"]: DISCONNECT ${LIE} Nov 24 02:00:00 mail postfix/postscreen[9]: PASS NEW ${LIE}"@r.example`,
  `"${'q'.repeat(2_000 - 20)}"@x.example`,
] as const;
const RCPT_TOS = [
  ...['user@example.test', 'grey@example.test', 'spf@example.test', 'name@example.test', 'list@example.test'],
  'b@elsewhere.example',
] as const;

interface Said {
  readonly helo: string;
  readonly from: string;
  readonly to: readonly string[];
}

/** `name` sets each session apart: of log lines that are the same in each byte, screenpass counts one. */
function claims(random: Random, name: string): Said {
  const own = { helo: `${name}.client.example`, from: `${name}@client.example` };
  const lie = random.next() < 0.3 ? random.pick(['helo', 'from']) : null;
  return {
    helo: lie === 'helo' ? random.pick(HELOS) : own.helo,
    from: lie === 'from' ? random.pick(MAIL_FROMS) : own.from,
    to: random.shuffled(RCPT_TOS).slice(0, random.next() < 0.2 ? 1 + random.below(4) : 1),
  };
}

const mailOf = ({ from }: Said) => ask(`MAIL FROM:<${from}>`);
const restOf = (said: Said): Step[] => [
  ...mailOf(said),
  ...said.to.flatMap((one) => [send(`RCPT TO:<${one}>\r\n`), 'wait']),
  ...ask('DATA'),
  more(BODY),
  'next',
  ...QUIT,
];
const whole = (said: Said): Step[] => ['wait', ...ask(`EHLO ${said.helo}`), ...restOf(said)];
/** What comes before the SMTP greeting has ended. */
const early = (text: string, said: Said): Step[] => [send(text), 'wait', 'pause 2500', ...restOf(said)];

/** Every way in which a client may behave; the number says how often it does, beside the others. */
const SHAPES: Readonly<
  Record<string, readonly [often: number, steps: (said: Said, random: Random) => Step[]]>
> = {
  whole: [30, whole],
  'quit-early': [6, () => ['wait', ...QUIT]],
  'quit-after-helo': [4, (said) => ['wait', ...ask(`EHLO ${said.helo}`), ...QUIT]],
  'quit-after-mail': [4, (said) => ['wait', ...ask(`EHLO ${said.helo}`), ...mailOf(said), ...QUIT]],
  'leave-greet-wait': [
    6,
    (_, random) => [`pause ${random.below(1200)}`, random.next() < 0.5 ? 'shut' : 'reset'],
  ],
  'leave-after-helo': [
    3,
    (said, random) => ['wait', ...ask(`EHLO ${said.helo}`), random.next() < 0.5 ? 'shut' : 'reset'],
  ],
  'leave-after-rcpt': [
    3,
    (said) => [
      'wait',
      ...ask('EHLO x.example'),
      ...mailOf(said),
      ...ask('RCPT TO:<user@example.test>'),
      'reset',
    ],
  ],
  pregreet: [8, (said) => early(`EHLO ${said.helo}\r\n`, said)],
  'pregreet-and-leave': [3, (said) => [send(`EHLO ${said.helo}\r\n`), 'pause 300', 'shut']],
  'pregreet-tls': [
    2,
    () => [send('\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003'), 'wait', 'shut'],
  ],
  'pregreet-log-line': [2, (said) => early(`NOQUEUE: reject: RCPT from ${LIE}: 550 5.7.1 x\r\n`, said)],
  pipelining: [
    6,
    ({ helo, from }) => [
      'wait',
      ...ask(`EHLO ${helo}`),
      more(`MAIL FROM:<${from}>\r\nRCPT TO:<user@example.test>\r\n`),
      'next',
      'wait',
      ...QUIT,
    ],
  ],
  'pipelining-log-line': [
    2,
    ({ helo }) => [
      'wait',
      more(`EHLO ${helo}\r\nDISCONNECT ${LIE}\r\n`),
      'next',
      'wait',
      ...ask('MAIL FROM:<>'),
      ...ask('RCPT TO:<user@example.test>'),
      ...QUIT,
    ],
  ],
  'bare-newline': [5, (said) => ['wait', more(`EHLO ${said.helo}\n`), 'next', ...restOf(said)]],
  'bare-newline-log-line': [
    2,
    (said) => [
      'wait',
      send(`PASS NEW ${LIE}\n`),
      'wait',
      send('EHLO x.example\r\n'),
      'wait',
      ...restOf(said),
    ],
  ],
  'non-smtp': [3, (said) => ['wait', send('GET / HTTP/1.1\r\n'), 'wait', ...restOf(said)]],
  'non-smtp-log-line': [2, () => ['wait', send(`Subject: hi ${LIE} \u00e9\r\n`), 'wait', ...QUIT]],
  'too-many-commands': [
    2,
    () => ['wait', ...Array.from({ length: 22 }, () => [send('NOOP\r\n'), 'wait']).flat(), 'shut'],
  ],
  'too-long': [
    2,
    (said) => ['wait', ...ask('EHLO x.example'), send(`${'x'.repeat(3000)}\r\n`), 'wait', ...restOf(said)],
  ],
  silent: [2, () => ['wait', send('EHLO x.example\r\n'), 'wait', 'wait', 'shut']],
  'data-without-rcpt': [
    3,
    (said) => ['wait', ...ask('EHLO x.example'), ...mailOf(said), send('DATA\r\n'), 'wait', ...QUIT],
  ],
  helo: [3, (said) => ['wait', ...ask('HELO nodots'), ...restOf(said)]],
  'no-helo': [3, (said) => ['wait', ...restOf(said)]],
};

/** The addresses where Postfix listens in the mail container, the second one for the PROXY protocol. */
const PLAIN = '127.0.0.1:25';
export const PROXY = '127.0.0.1:2525';
/** More at once from one address are too many for the Postfix of the run. */
export const MOST_AT_ONCE = 8;

export interface Plan {
  readonly count: number;
  /** How many begin in a second. */
  readonly pace: number;
  readonly sources: readonly [Source, ...Source[]];
}

/** So many sessions. */
export function sessionsOf({ count, pace, sources }: Plan, random: Random, name: string): Session[] {
  const weighted = Object.entries(SHAPES).flatMap(([shape, [often]]) =>
    Array.from({ length: often }, () => shape),
  );
  const shapes = weighted as [string, ...string[]];
  const all: Session[] = [];
  while (all.length < count) {
    const group = `${name}-${all.length}`;
    const start = Math.round((all.length / pace) * 1000);
    const source = random.pick(sources);
    const proxied = source.address.includes(':') || random.next() < 0.25;
    const one = (id: string, shape: string, wanted: number | null): Session => {
      const steps = SHAPES[shape]?.[1](claims(random, id), random) ?? [];
      if (!proxied) {
        const from = wanted === null ? source.address : `${source.address}:${wanted}`;
        return { id, shape, source, start, port: wanted, from, to: PLAIN, steps };
      }
      const port = wanted ?? 10_000 + random.below(50_000);
      const header = headerOf(source.address, port);
      return { id, shape, source, start, port, from: '-', to: PROXY, steps: [send(header), ...steps] };
    };
    const kind = random.next();
    if (kind < 0.05) {
      // One address and port, twice, close together.
      const port = 10_000 + random.below(20_000);
      const twice = [one(group, random.pick(shapes), port), one(group, random.pick(shapes), port)];
      all.push(...twice.slice(0, count - all.length));
    } else if (kind < 0.055) {
      const many = Array.from({ length: MOST_AT_ONCE + 4 }, (_, i) =>
        one(`${group}-${i}`, 'quit-early', null),
      );
      all.push(...many.slice(0, count - all.length));
    } else if (kind < 0.06)
      all.push({
        ...one(group, 'bad-proxy', null),
        from: '-',
        to: PROXY,
        steps: [send(`PROXY TCP4 DISCONNECT ${LIE}\r\n`), 'wait', 'shut'],
      });
    else all.push(one(group, random.pick(shapes), null));
  }
  return all;
}

function headerOf(address: string, port: number): string {
  return address.includes(':')
    ? `PROXY TCP6 ${address} 2001:db8::25 ${port} 25\r\n`
    : `PROXY TCP4 ${address} 192.0.2.25 ${port} 25\r\n`;
}

/** As smtp-sessions.pl reads them. */
export function scriptOf(sessions: readonly Session[]): string {
  return sessions
    .map(({ id, start, from, to, steps }) => `${[id, start, from, to, ...steps].join('\t')}\n`)
    .join('');
}
