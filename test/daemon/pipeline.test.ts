import { describe, expect, it } from 'vitest';
import type { AlertKind } from '../../src/core/alerts/alert.ts';
import type { LogLine } from '../../src/core/log/log-line.ts';
import { createPosition, timeStamp } from '../../src/core/log/position.ts';
import { parseAddress } from '../../src/core/net/network.ts';
import type { Entry } from '../../src/core/policy/entry.ts';
import type { Rules } from '../../src/core/policy/policy.ts';
import { buildRoster } from '../../src/core/senders/roster.ts';
import { EMPTY_STATE, type State } from '../../src/core/state/state.ts';
import { createOtherGates } from '../../src/daemon/other-gates.ts';
import { Pipeline, type Step } from '../../src/daemon/pipeline.ts';
import { SenderFaults } from '../../src/daemon/sender-faults.ts';
import { createFaultMonitor } from '../../src/daemon/writer/fault-monitor.ts';
import catalogue from '../../src/senders/catalogue.json' with { type: 'json' };
import { readCatalogue } from '../../src/senders/catalogue-schema.ts';

const START = Date.parse('2026-11-24T02:00:00Z');
const WATCHED = readCatalogue(catalogue).filter(({ id }) => ['amazon-ses', 'sendgrid'].includes(id));
const SES = '54.240.27.75';
/** In no list. */
const STRANGER = '5.9.10.11';

const RULES: Rules = {
  ...{ observing: false, scope: 'sender', threshold: 1, windowMs: 3_600_000, ttlMs: 86_400_000 },
  ...{ never: [], vetoZones: new Set() },
};

/** The pipeline over a state and a list of alerts, with nothing else around it. */
class Bench {
  readonly alerts: { readonly kind: AlertKind; readonly id: string; readonly fields: unknown }[] = [];
  state: State;
  readonly pipeline: Pipeline;
  #at = START;
  /** The time from one line to the next. */
  tickMs = 1000;
  #port = 1000;

  constructor({ start = {}, rules = {} }: { start?: Partial<State>; rules?: Partial<Rules> } = {}) {
    this.state = { ...EMPTY_STATE, ...start };
    const position = createPosition(this.state.cursor);
    position.attach('c1', timeStamp(START), 900_000);
    const roster = buildRoster(WATCHED, {}, START);
    const report = {
      alert: (kind: AlertKind, id: string, fields: unknown) => void this.alerts.push({ kind, id, fields }),
    };
    const store = this.#store();
    const clock = { now: () => expect.fail('the path of a line reads no clock') };
    const faults = createFaultMonitor(clock, report, {
      read: () => this.state.faults,
      write: (next) => store.update({ ...this.state, faults: next }),
    });
    this.pipeline = new Pipeline({
      ...{ position, store, report, roster: () => roster, rules: () => ({ ...RULES, ...rules }) },
      senderFaults: new SenderFaults(faults),
      otherGates: createOtherGates(() => roster, store, report),
    });
  }

  #store() {
    const bench = this;
    return {
      get state() {
        return bench.state;
      },
      update(next: State) {
        bench.state = next;
      },
    };
  }

  /** The next line. */
  line(message: string): LogLine {
    this.#at += this.tickMs;
    return {
      ...{ stream: 'stdout', stamp: timeStamp(this.#at) },
      text: `${new Date(this.#at).toISOString().slice(0, 19)}.000001+00:00 mail postfix/${message}`,
    };
  }

  feed(...messages: readonly string[]): readonly Step[] {
    return messages.flatMap((message) => this.pipeline.take(this.line(message)) ?? []);
  }

  /** A session that postscreen refuses. Gives the step of the line that refuses it. */
  refuse(ip: string, zone = 'zen.spamhaus.org'): Step {
    const client = `[${ip}]:${this.#port++}`;
    const [, , step] = this.feed(
      `postscreen[910]: CONNECT from ${client} to [192.0.2.25]:25`,
      `postscreen[910]: DNSBL rank 3 for ${client}`,
      `postscreen[910]: NOQUEUE: reject: RCPT from ${client}: 550 5.7.1 Service unavailable; client [${ip}] blocked using ${zone}; from=<a@b.example>, to=<u@example.test>, proto=ESMTP, helo=<h.example>`,
      `postscreen[910]: DISCONNECT ${client}`,
    );
    return step ?? expect.fail('the line is new');
  }

  /** A session of a client that the table lets in. */
  letIn(ip: string): Step {
    const client = `[${ip}]:${this.#port++}`;
    const [, step] = this.feed(
      `postscreen[910]: CONNECT from ${client} to [192.0.2.25]:25`,
      `postscreen[910]: ALLOWLISTED ${client}`,
    );
    return step ?? expect.fail('the line is new');
  }

  kinds(): readonly AlertKind[] {
    return this.alerts.map(({ kind }) => kind);
  }
}

function entry(more: Partial<Entry> = {}): Entry {
  return {
    ...{ sender: 'amazon-ses', scope: 'sender', networks: [], since: START, lastSeen: START, until: null },
    ...{ granted: null, cause: 'dnsbl 550', reason: null, refusedAt: null, announced: true, inForce: null },
    ...more,
  };
}

describe('a refusal', () => {
  it('of a watched sender is decided, reported, counted and remembered, with nothing left to do', () => {
    const bench = new Bench();
    expect(bench.refuse(SES)).toMatchObject({ event: { kind: 'reject' }, stranger: null, vetoes: [] });
    expect(bench.alerts).toEqual([
      {
        kind: 'sender-refused',
        id: `c1 [${SES}]:1000 2026-11-24T02:00:01.000Z`,
        fields: {
          ...{ sender: 'amazon-ses', client: SES, port: 1000, gate: 'dnsbl', code: 550, enhanced: '5.7.1' },
          ...{ zones: ['zen.spamhaus.org'], evidence: 'network', decision: 'allow' },
          ...{ reason: expect.any(String), at: '2026-11-24T02:00:03.000Z' },
        },
      },
    ]);
    expect(bench.state.entries).toMatchObject([
      { sender: 'amazon-ses', refusedAt: START + 3000, announced: false, inForce: null },
    ]);
    expect(bench.state.lastRefusal).toEqual({
      ...{ sender: 'amazon-ses', client: SES, gate: 'dnsbl', at: START + 3000 },
    });
    expect(bench.state.days['2026-11-24']?.refusals).toEqual({ 'amazon-ses': { dnsbl: 1 } });
  });

  it('of an address in no list opens nothing and leaves DNS to be asked', () => {
    const bench = new Bench();
    const { stranger } = bench.refuse(STRANGER);
    expect(stranger?.refusal).toMatchObject({ ip: STRANGER, gate: 'dnsbl', connectedAt: START + 1000 });
    expect(bench.alerts).toEqual([]);
    expect(bench.state).toMatchObject({ entries: [], lastRefusal: null });
    expect(bench.state.days['2026-11-24']?.strangers).toBe(1);
  });

  it('that DNS proved later is handled as one of the list, with the evidence that proved it', () => {
    const bench = new Bench();
    const { stranger } = bench.refuse(STRANGER);
    const address = parseAddress(STRANGER) ?? expect.fail('an address');
    const [sender] = buildRoster(WATCHED, {}, START).senders;
    if (stranger === null || sender === undefined) return expect.fail('a stranger and a sender');
    const network = { ...(sender.networks[0] ?? expect.fail('a network')) };
    expect(bench.pipeline.refused(stranger.refusal, address, { sender, network, evidence: 'spf' })).toEqual(
      [],
    );
    expect(bench.alerts).toMatchObject([{ kind: 'sender-refused', fields: { evidence: 'spf' } }]);
    expect(bench.state.entries).toMatchObject([{ sender: sender.id }]);
  });

  it('by a session that saw the entry is a fault, counted as such', () => {
    const bench = new Bench({ start: { entries: [entry({ inForce: START - 60_000 })] } });
    expect(bench.refuse(SES).vetoes).toMatchObject([{ kind: 'let-in' }]);
    expect(bench.alerts).toMatchObject([{ kind: 'sender-refused', fields: { decision: 'keep' } }]);
    expect(bench.state.faults).toMatchObject([{ kind: 'sender-still-refused', subject: 'amazon-ses' }]);
    expect(bench.state.days['2026-11-24']?.stillRefused).toEqual({ 'amazon-ses': 1 });
  });

  it('is saved as facts while it waits, and rendered when it is reported', () => {
    const bench = new Bench();
    bench.tickMs = 1;
    for (let n = 0; n < 80; n += 1) bench.refuse(`54.240.27.${n}`);
    expect(bench.alerts).toHaveLength(60);
    expect(bench.state.bursts[0]?.waiting).toMatchObject({
      first: { refusal: { ip: '54.240.27.60' } },
      last: {
        ...{ sender: 'amazon-ses', container: 'c1', evidence: 'network' },
        ...{ refusal: { ip: '54.240.27.79' }, decision: { kind: 'keep', reason: 'began-before' } },
      },
      count: 20,
    });
    bench.pipeline.reportDue(START + 59_999);
    expect(bench.alerts).toHaveLength(60);
    bench.pipeline.reportDue(START + 61_000);
    expect(bench.alerts.slice(60)).toMatchObject([
      { id: expect.stringContaining('[54.240.27.60]'), fields: { client: '54.240.27.79', count: 20 } },
    ]);
  });
});

describe('a pass', () => {
  it('of a refused sender that the table let in is its recovery, once', () => {
    const bench = new Bench();
    bench.refuse(SES);
    expect(bench.letIn(SES).vetoes).toMatchObject([{ kind: 'let-in' }]);
    bench.letIn(SES);
    expect(bench.kinds()).toEqual(['sender-refused', 'sender-recovered']);
    expect(bench.alerts[1]).toMatchObject({ fields: { sender: 'amazon-ses', client: SES, seconds: 3 } });
    expect(bench.state.days['2026-11-24']?.recovered).toEqual({ 'amazon-ses': 1 });
  });

  it('of a stranger leaves nothing to do', () => {
    expect(new Bench().letIn(STRANGER)).toMatchObject({ stranger: null, vetoes: [] });
  });
});

describe('zones with a veto', () => {
  const rules = { vetoZones: new Set(['drop.example.org']) };

  it('are asked before anything is opened, and the refusal is decided when they answered', () => {
    const bench = new Bench({ rules });
    const { vetoes } = bench.refuse(SES);
    expect(vetoes).toMatchObject([{ kind: 'ask', refusal: { ip: SES } }]);
    expect(bench.state.entries).toEqual([]);
    const [task] = vetoes;
    bench.state = { ...bench.state, cleared: { [SES]: START + 4000 } };
    if (task?.kind === 'ask')
      bench.pipeline.decideCleared(task.refusal, parseAddress(SES) ?? expect.fail('an address'));
    expect(bench.state.entries).toMatchObject([{ sender: 'amazon-ses' }]);
    expect(bench.kinds()).toEqual(['sender-refused']);
  });

  it('that postscreen found to list the client keep it out', () => {
    const bench = new Bench({ rules });
    expect(bench.refuse(SES, 'Drop.example.org').vetoes).toMatchObject([
      { kind: 'listed', zone: 'drop.example.org' },
    ]);
    expect(bench.state.entries).toEqual([]);
  });
});

describe('a client that leaves during the greet wait', () => {
  it('is refused by the wait when its sender did so twice', () => {
    const bench = new Bench();
    const giveUp = (port: number) =>
      bench.feed(
        `postscreen[910]: CONNECT from [${SES}]:${port} to [192.0.2.25]:25`,
        `postscreen[910]: HANGUP after 2.1 from [${SES}]:${port} in tests before SMTP handshake`,
        `postscreen[910]: DISCONNECT [${SES}]:${port}`,
      );
    giveUp(1);
    expect([bench.kinds(), bench.state.gaveUp]).toEqual([[], { 'amazon-ses': START + 3000 }]);
    giveUp(2);
    expect(bench.alerts).toMatchObject([{ kind: 'sender-refused', fields: { gate: 'greet-wait' } }]);
  });
});

describe('a line', () => {
  it('that an earlier process handled only tells of the sessions that are open', () => {
    const first = new Bench();
    const client = `[${SES}]:7`;
    const before = [
      first.line(`postscreen[910]: CONNECT from ${client} to [192.0.2.25]:25`),
      first.line(`postscreen[910]: DNSBL rank 3 for ${client}`),
    ];
    const position = createPosition(null);
    position.attach('c1', timeStamp(START), 0);
    for (const line of before) position.advance(line);
    const second = new Bench({ start: { cursor: position.cursor } });
    expect(before.map((line) => second.pipeline.take(line))).toEqual([undefined, undefined]);
    expect(second.alerts).toEqual([]);
    second.pipeline.take(first.line(`postscreen[910]: DISCONNECT ${client}`));
    expect(second.alerts).toMatchObject([
      { kind: 'sender-refused', id: `c1 ${client} 2026-11-24T02:00:01.000Z`, fields: { gate: 'dnsbl' } },
    ]);
  });

  it('of another gate is reported, and of no program of Postfix leaves nothing', () => {
    const bench = new Bench();
    const reply = `450 4.7.25 Client host rejected: cannot find your hostname, [${SES}]`;
    bench.feed(
      `smtpd[1073]: NOQUEUE: reject: RCPT from unknown[${SES}]: ${reply}; from=<a@b.example> to=<u@example.test> proto=ESMTP helo=<h.example>`,
    );
    expect(bench.alerts).toMatchObject([{ kind: 'other-gate', fields: { gate: 'client-hostname' } }]);
    const at = START + 10_000;
    expect(
      bench.pipeline.take({ stream: 'stdout', stamp: timeStamp(at), text: `CONNECT from [${SES}]:1` }),
    ).toEqual({ at, event: undefined, stranger: null, vetoes: [] });
  });
});
