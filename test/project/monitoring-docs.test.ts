// Checks that the Prometheus rules and the dashboard use metrics and alerts that exist.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ALERTS } from '../../src/core/alerts/alert.ts';
import { METRICS } from '../../src/core/monitor/metrics.ts';

const docs = join(import.meta.dirname, '..', '..', 'docs');

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly { readonly alert: string; readonly expr: string }[];
  }[];
}

interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly targets: readonly { readonly expr: string }[];
  }[];
}

const rules: Rules = parse(readFileSync(join(docs, 'alert-rules.yml'), 'utf8'));
const dashboard: Dashboard = JSON.parse(readFileSync(join(docs, 'grafana-dashboard.json'), 'utf8'));

const EXPRESSIONS = [
  ...rules.groups.flatMap((group) => group.rules.map(({ alert, expr }) => [alert, expr] as const)),
  ...dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
];

describe('the rules and the dashboard in docs', () => {
  it.each(EXPRESSIONS)('%s uses metrics and alerts that exist', (_, expr) => {
    const names = expr.match(/screenpass_\w+/g) ?? [];
    expect(names).not.toEqual([]);
    for (const name of names) expect(Object.keys(METRICS)).toContain(name);
    for (const [, kind] of expr.matchAll(/kind="([^"]*)"/g)) expect(Object.keys(ALERTS)).toContain(kind);
  });

  it('show each metric that changes', () => {
    const shown = EXPRESSIONS.map(([, expr]) => expr).join(' ');
    const counters = Object.entries(METRICS).flatMap(([name, { type }]) =>
      type === 'counter' ? [name] : [],
    );
    for (const name of counters) expect(shown).toContain(name);
  });
});
