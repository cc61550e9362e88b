import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exitCode, type InstallationFacts, judgeAll } from '../../../src/core/doctor/all-checks.ts';
import {
  CHECKS,
  type CheckName,
  type CheckResult,
  known,
  type Observed,
  skipped,
} from '../../../src/core/doctor/check-result.ts';
import { similar } from '../../../src/core/doctor/engine-checks.ts';
import { judgePostfix, type PostfixFacts } from '../../../src/core/doctor/postfix-checks.ts';
import { judgeTableFacts, type TableFacts } from '../../../src/core/doctor/table-checks.ts';
import type { ZoneLook } from '../../../src/core/postscreen/dnsbl-zone.ts';
import { renderBlock } from '../../../src/core/table/managed-block.ts';
import { definition } from '../../double/definition.ts';

const TABLE = '/etc/screenpass/postscreen_access.cidr';
const SCREEN = 'smtp inet n - n - 1 postscreen\n';
const VALUES = {
  postscreen_dnsbl_sites: 'zen.spamhaus.org',
  postscreen_dnsbl_action: 'enforce',
  postscreen_greet_action: 'enforce',
};

function of(check: CheckName, findings: readonly CheckResult[]): CheckResult | undefined {
  return findings.find((finding) => finding.check === check);
}

function postfix(changes: { services?: string; overrides?: string; accessList?: string } = {}): PostfixFacts {
  const accessList = `cidr:${TABLE}`;
  const configuration = known({ services: SCREEN, overrides: '', accessList, mynetworks: '', ...changes });
  const list = known({ kind: 'permitted', opened: 1, better: null } as const);
  return {
    table: TABLE,
    running: known(true),
    configuration,
    settings: known(VALUES),
    list,
    elsewhere: null,
  };
}

describe('postscreen', () => {
  it('on another port is no use while smtpd has port 25', () => {
    const services = '0.0.0.0:smtp inet n - n - - smtpd\n12525 inet n - n - 1 postscreen\n';
    expect(of('postscreen', judgePostfix(postfix({ services })))).toMatchObject({
      verdict: 'warn',
      says: expect.stringMatching(/serves 12525 only; smtpd answers at port 25 \(0\.0\.0\.0:smtp\) itself/),
    });
  });

  it('on a port of its own beside port 25 is right', () => {
    const services = `${SCREEN}12525 inet n - n - 1 postscreen\nsubmission inet n - n - - smtpd\n`;
    expect(of('postscreen', judgePostfix(postfix({ services })))).toMatchObject({
      verdict: 'ok',
      says: 'postscreen serves smtp, 12525',
    });
  });

  it('is judged by each of its services', () => {
    const services = `${SCREEN}12525 inet n - n - 1 postscreen\n`;
    const overrides = '12525/inet/postscreen_greet_action = ignore\n';
    expect(of('action', judgePostfix(postfix({ services, overrides })))).toMatchObject({ verdict: 'warn' });
  });

  it('does not refuse by a blocklist action without blocklists', () => {
    const settings = known({ ...VALUES, postscreen_dnsbl_sites: '', postscreen_dnsbl_action: 'ignore' });
    const findings = judgePostfix({ ...postfix(), settings });
    expect([of('dnsbl', findings)?.verdict, of('action', findings)?.verdict]).toEqual(['warn', 'ok']);
  });

  it('whose configuration cannot be read is a failure once', () => {
    const configuration = { kind: 'failed', reason: 'postconf: fatal: bad', error: 'failed' } as const;
    const findings = judgePostfix({ ...postfix(), configuration });
    expect(findings.map(({ verdict }) => verdict)).toEqual(['ok', 'fail', ...Array(4).fill('unknown')]);
    expect(of('wired', findings)?.says).toContain('cannot be read');
  });
});

describe('the table', () => {
  const text = `1.2.3.0/24 reject\n${renderBlock([])}`;
  const facts: TableFacts = {
    table: TABLE,
    inContainer: TABLE,
    observing: false,
    text: known(text),
    replaceable: known(true),
    check: known({ good: true, complaint: null }),
    mounts: known([]),
    marks: known({ here: '1 2 3', there: '1 2 3' }),
    elsewhere: null,
  };
  const complaint = (line: number | null, reason = `line ${line}: bad`) =>
    judgeTableFacts({ ...facts, check: known({ good: false, complaint: { line, reason } }) });

  it('is told apart by the lines of ours and of the operator', () => {
    expect(of('table-postfix', complaint(2))?.says).toBe('our own line 2: bad');
    expect(of('table-postfix', complaint(1))).toMatchObject({
      verdict: 'fail',
      says: expect.stringContaining('line 1: bad; and our own rules are not found'),
    });
  });

  it('with an "if" that is not closed has to be closed', () => {
    const finding = of(
      'table-postfix',
      complaint(null, 'not found in it: an unclosed "if" above our block?'),
    );
    expect(finding?.remedy).toMatch(/endif/);
  });

  it('that cannot be written does not matter in observe mode', () => {
    const replaceable = { kind: 'failed', reason: 'mount its directory writable', error: null } as const;
    expect(of('table', judgeTableFacts({ ...facts, replaceable }))?.verdict).toBe('fail');
    expect(of('table', judgeTableFacts({ ...facts, replaceable, observing: true }))?.verdict).toBe('ok');
  });

  it('that is not there is made by hand in observe mode', () => {
    expect(of('table', judgeTableFacts({ ...facts, text: known(null), observing: true }))?.remedy).toMatch(
      /touch/,
    );
  });
});

describe('containers that could be meant', () => {
  const others = [
    { name: 'dms', image: 'x' },
    { name: 'web', image: 'nginx' },
    { name: 'mail_server_1', image: 'y' },
    { name: 'smtp', image: 'mailserver/docker-mailserver:15' },
  ];
  it.each(['mailserver', 'service=mailserver'])('are found for %s', (wanted) => {
    expect(similar(wanted, others)).toEqual([
      'dms (x)',
      'mail_server_1 (y)',
      'smtp (mailserver/docker-mailserver:15)',
    ]);
  });

  it('are found for part of a name', () => {
    expect(similar('we', others)).toContain('web (nginx)');
  });
});

const words = fc.string().map((text) => `it ${text}\u2028 is so`);

function fact<T>(value: fc.Arbitrary<T>): fc.Arbitrary<Observed<T>> {
  const error = fc.constantFrom('unreachable', 'denied', 'unreadable-log', 'failed', null);
  return fc.oneof(
    value.map(known),
    fc.record({ kind: fc.constant('failed' as const), reason: words, error }),
    words.map(skipped),
  );
}

const container = {
  id: 'c0ffee',
  run: 'c',
  tty: false,
  logDriver: 'none',
  networks: ['172.18.0.5/16'],
  mounts: [TABLE],
  gateways: [],
};
const marks = fc.constantFrom('1 2 3', '4 2 3', '1 5 3');
const line = fc.oneof(fc.constant(null), fc.nat({ max: 9 }));

const LOOKS = fc.constantFrom<ZoneLook>(
  { kind: 'listed', answers: ['127.0.0.2'] },
  { kind: 'not-listed' },
  { kind: 'fault', reason: 'x' },
);

const FACTS: fc.Arbitrary<InstallationFacts> = fc.record({
  engine: fc.record({
    container: fc.string(),
    observing: fc.boolean(),
    inspection: fact(
      fc.constantFrom(
        { kind: 'running', container } as const,
        { kind: 'stopped', container } as const,
        { kind: 'missing', name: 'x' } as const,
      ),
    ),
    refused: fact(
      fc.subarray([
        'GET /containers/json',
        'GET /containers/{id}/json',
        'GET /containers/{id}/logs',
        'POST /exec/{id}/start',
      ] as const),
    ),
    others: fact(fc.array(fc.record({ name: fc.string(), image: fc.string() }))),
    log: fact(
      fc.record({
        lines: fc.nat(),
        clients: fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string())),
        unread: fc.array(fc.string()),
      }),
    ),
    user: fact(fc.constantFrom('0', '1000', '')),
  }),
  postfix: fc.record({
    table: fc.constant(TABLE),
    running: fact(fc.boolean()),
    configuration: fact(
      fc.record({
        accessList: fc.oneof(fc.string(), fc.constantFrom(`cidr:${TABLE}`, `permit, cidr:${TABLE} cidr:/x`)),
        overrides: fc.string(),
        services: fc.oneof(fc.string(), fc.constant(SCREEN)),
        mynetworks: fc.string(),
      }),
    ),
    settings: fact(fc.constantFrom(VALUES, {})),
    list: fact(
      fc.constantFrom(
        { kind: 'permitted', opened: 2, better: null } as const,
        { kind: 'unknown', reason: 'x' } as const,
        {
          kind: 'fault',
          at: { sender: 'x', address: '192.0.2.1' },
          fault: { reason: 'x', line: 'y', remedy: 'z' },
        } as const,
      ),
    ),
    elsewhere: fc.constantFrom(null, '/tmp/docker-mailserver/postscreen_access.cidr'),
  }),
  table: fc.record({
    table: fc.constant(TABLE),
    inContainer: fc.constant(TABLE),
    observing: fc.boolean(),
    text: fact(fc.oneof(fc.constant(null), fc.string(), fc.constant(renderBlock([])))),
    replaceable: fact(fc.constant(true as const)),
    check: fact(
      fc.record({
        good: fc.boolean(),
        complaint: fc.option(fc.record({ reason: fc.string({ minLength: 1 }), line })),
      }),
    ),
    mounts: fact(fc.constantFrom([], [TABLE])),
    marks: fact(fc.record({ here: fc.option(marks), there: marks })),
    elsewhere: fc.constantFrom(null, '/tmp/docker-mailserver/postscreen_access.cidr'),
  }),
  self: fc.record({
    now: fc.constant(0),
    mode: fc.constantFrom('enforce', 'observe'),
    stateDir: fc.constant('/var/lib/screenpass'),
    dnsServers: fc.constant([]),
    answers: fc.array(
      fc.record({
        name: fc.domain(),
        answer: fc.constantFrom({ kind: 'no-name' } as const, { kind: 'failed', reason: 'timeout' } as const),
      }),
    ),
    vetoes: fc.array(fc.record({ zone: fc.domain(), listed: LOOKS, clear: LOOKS })),
    senders: fc.constant([definition()]),
    maxAgeMs: fc.constant(1),
    catalogue: fc.constant('2026-11-24'),
    known: fact(fc.constantFrom(null, {})),
    replaceable: fact(fc.constant(true as const)),
    daemon: fact(fc.constant(true as const)),
  }),
});

describe('whatever doctor saw', () => {
  it('it has one finding for each check, in order, and a remedy for what is ill and nothing else', () => {
    fc.assert(
      fc.property(FACTS, (facts) => {
        const findings = judgeAll(facts);
        expect(findings.map(({ check }) => check)).toEqual(Object.keys(CHECKS));
        for (const { verdict, says, remedy } of findings) {
          expect(remedy !== null && remedy !== '').toBe(verdict === 'warn' || verdict === 'fail');
          expect(says.startsWith('not checked: ')).toBe(verdict === 'unknown');
          expect(says).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
        }
      }),
    );
  });

  it('it calls nothing well that was not looked at', () => {
    const looks: readonly (readonly [
      (facts: InstallationFacts) => Observed<unknown>,
      readonly CheckName[],
    ])[] = [
      [({ engine }) => engine.inspection, ['engine', 'container']],
      [({ engine }) => engine.log, ['log', 'clients']],
      [({ engine }) => engine.user, ['exec', 'reload']],
      [({ postfix }) => postfix.running, ['postfix']],
      [({ postfix }) => postfix.configuration, ['postscreen', 'wired', 'order', 'dnsbl', 'action']],
      [({ postfix }) => postfix.settings, ['dnsbl', 'action']],
      [({ table }) => table.text, ['table']],
      [({ table }) => table.check, ['table-postfix']],
      [({ table }) => table.marks, ['table-shared']],
      [({ self }) => self.known, ['state', 'senders']],
      [({ self }) => self.daemon, ['daemon']],
    ];
    fc.assert(
      fc.property(FACTS, (facts) => {
        const findings = judgeAll(facts);
        for (const [look, checks] of looks) {
          if (look(facts).kind === 'known') continue;
          for (const check of checks)
            expect([check, of(check, findings)?.verdict]).not.toEqual([check, 'ok']);
        }
      }),
    );
  });

  it('it exits by the worst: 3 when the Engine failed, 1 when anything did', () => {
    const findings = (check: CheckName, verdict: CheckResult['verdict']): CheckResult[] => [
      { check, verdict, says: '', remedy: null },
      { check: 'wired', verdict: 'fail', says: '', remedy: null },
    ];
    expect(exitCode(findings('engine', 'fail'))).toBe(3);
    expect(exitCode(findings('dns', 'fail'))).toBe(1);
    expect(exitCode(findings('dns', 'warn').slice(0, 1))).toBe(0);
    expect(exitCode(findings('dns', 'unknown').slice(0, 1))).toBe(0);
  });
});
