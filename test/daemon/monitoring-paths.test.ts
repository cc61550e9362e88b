// For each metric, each rule for Prometheus and each kind of alert: something outside of the daemon that moves it. What
// nothing moves is dead, however well it is rendered.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ALERTS } from '../../src/core/alerts/alert.ts';
import { METRICS } from '../../src/core/monitor/metrics.ts';
import type { Monitor } from '../../src/ports.ts';
import { World } from '../double/world.ts';

const HEADER = '2026-11-24T02:00:00.000001+00:00 mail postfix/';
const LATER = `${HEADER}smtpd[1]: NOQUEUE: reject: RCPT from unknown[54.240.85.218]: 450 4.7.25 Client host rejected: cannot find your hostname, [54.240.85.218]; from=<a@b> to=<c@d> proto=ESMTP helo=<x>`;

/** The samples of /metrics that came, went or changed in the story, and those that did not. */
async function story(): Promise<Readonly<Record<'moved' | 'still', readonly string[]>>> {
  const pages = new Map<string, () => { readonly text: string }>();
  const monitor: Monitor = {
    serve: async (served) => {
      for (const [path, page] of served) pages.set(path, page);
      look();
      return { ended: Promise.resolve() };
    },
  };
  const values = new Map<string, number[]>();
  let looks = 0;
  const look = () => {
    looks += 1;
    for (const line of pages.get('/metrics')?.().text.split('\n') ?? []) {
      if (line === '' || line.startsWith('#')) continue;
      const [, sample = '', value = ''] = /^(.*) (\S+)$/.exec(line) ?? [];
      values.set(sample, [...(values.get(sample) ?? []), Number(value)]);
    }
  };
  const shows = async (sample: string) => {
    await world.eventually(sample, () => {
      look();
      return values.get(sample.replace(/ \S+$/, ''))?.at(-1) === Number(/\S+$/.exec(sample));
    });
  };

  await using world = await World.create();
  // What is in the log already is read late.
  await world.mail.connect('192.0.2.9', { helo: 'x', from: 'a@b', to: 'c@d' });
  world.clock.advance(600_000);
  world.start({ SCREENPASS_VETO_DNSBL: 'drop.example.org' }, { monitor });
  await shows('screenpass_log_lag_seconds 600');
  await shows('screenpass_wiring{state="wired"} 1');
  await shows('screenpass_reload{state="done"} 1');
  await world.eventually('DNS was asked', () => {
    look();
    return values.has('screenpass_oldest_list_timestamp_seconds');
  });

  world.mail.reload = 'fails';
  await world.connect('54.240.27.75');
  await shows('screenpass_reload{state="pending"} 1');
  await shows('screenpass_reload{state="failing"} 1');
  world.mail.reload = 'works';
  await shows('screenpass_reload{state="done"} 1');
  // Postfix takes its time to log that it has reloaded.
  world.mail.reload = 'unlogged';
  await world.connect('209.85.128.77');
  await shows('screenpass_reload{state="pending"} 1');
  await world.pass(20_000);
  world.mail.log('master', 905, 'reload -- version 3.10.13, configuration /etc/postfix');
  world.mail.reload = 'works';
  await shows('screenpass_reload{state="done"} 1');
  world.engine.say('stdout', LATER);
  world.engine.say('stdout', `${HEADER}postscreen[1]: PASS RENEWED [192.0.2.1]:25`);
  await shows('screenpass_unknown_lines_total 1');

  let answer = () => {};
  world.dnsAnswers = new Promise((done) => {
    answer = done;
  });
  await world.connect('11.22.33.44');
  await shows('screenpass_questions 1');
  for (let n = 0; n < 50; n += 1) await world.connect(`11.22.${n}.44`);
  await shows('screenpass_dropped_questions_total 1');
  answer();
  await shows('screenpass_questions 0');
  world.zone = { '75.40.240.54.drop.example.org': { A: ['127.0.0.2'] } };
  await world.connect('54.240.40.75', { listed: ['drop.example.org'] });
  await shows('screenpass_vetoed_addresses 1');

  world.mail.wiring = 'not-wired';
  world.engine.recreate();
  await shows('screenpass_wiring{state="not-wired"} 1');
  await shows('screenpass_healthy 0');
  world.engine.stop();
  await shows('screenpass_following 0');
  await world.stop();
  world.start({ SCREENPASS_MODE: 'observe' }, { monitor });
  await world.alert('started', 2);
  await shows('screenpass_reload{state="observing"} 1');
  const has = (isMoved: boolean) =>
    [...values].flatMap(([sample, seen]) =>
      (seen.length < looks || new Set(seen).size > 1) === isMoved ? [sample] : [],
    );
  return { moved: has(true), still: has(false) };
}

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly { readonly alert: string; readonly expr: string }[];
  }[];
}

const root = join(import.meta.dirname, '..', '..');
const rules: Rules = parse(readFileSync(join(root, 'docs', 'alert-rules.yml'), 'utf8'));
const RULES = rules.groups.flatMap((group) => group.rules);

describe('each metric and each rule', async () => {
  const { moved, still } = await story();
  const of = (samples: readonly string[], name: string) =>
    samples.filter((sample) => sample.replace(/\{.*/, '') === name);

  it.each(Object.keys(METRICS))('%s is moved by something outside', (name) => {
    expect(of(moved, name)).not.toEqual([]);
  });

  it.each(RULES)('$alert looks at what can move: $expr', ({ expr }) => {
    for (const [, name = '', labels = ''] of expr.matchAll(/(screenpass_\w+)(?:\{([^}]*)\})?/g)) {
      // The alerts are provoked one by one elsewhere, as the next test knows.
      const samples = name === 'screenpass_alerts_total' ? [...moved, ...still] : moved;
      expect(of(samples, name).filter((sample) => sample.includes(labels))).not.toEqual([]);
    }
  });
});

describe('each alert', () => {
  const tests = readdirSync(join(root, 'test'), { encoding: 'utf8', recursive: true })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => readFileSync(join(root, 'test', name), 'utf8'))
    .filter((text) => /from '(?:\.\.\/)+double\/world\.ts'/.test(text))
    .join('\n');

  it.each(Object.keys(ALERTS))('%s is provoked through the daemon by a test', (kind) => {
    const provoked = new RegExp(
      [
        `\\.alert(?:Later)?\\('${kind}'`,
        `told\\('${kind}'\\)\\)\\.(?:toHaveLength\\([1-9]|toMatchObject\\(\\[\\{)`,
        `told\\('${kind}'\\)\\.length (?:>=?|===) [1-9]`,
      ].join('|'),
    );
    expect(tests).toMatch(provoked);
  });
});
