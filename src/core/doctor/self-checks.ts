/** Checks of screenpass itself and of DNS: dns, veto, senders, catalogue, state, mode, daemon. */

import { serversText } from '../dns/dns-servers.ts';
import type { DnsAnswer } from '../dns/resolver.ts';
import type { ZoneLook } from '../postscreen/dnsbl-zone.ts';
import { freshness, knowledgeOf, type SenderKnowledge } from '../senders/knowledge.ts';
import type { SenderDefinition } from '../senders/sender.ts';
import { type CheckResult, fail, judged, type Observed, ok, unknown, warn } from './check-result.ts';

/** What concerns screenpass itself. Times are ms since the epoch. */
export interface SelfFacts {
  readonly now: number;
  readonly mode: 'enforce' | 'observe';
  readonly stateDir: string;
  /** As parseServers gives them. */
  readonly dnsServers: readonly string[];
  /** SPF domains of watched senders, and what DNS said. */
  readonly answers: readonly { readonly name: string; readonly answer: DnsAnswer<string> }[];
  /** Of each veto zone, what it says of the entry that it must have, and of the one that it must not have. */
  readonly vetoes: readonly { readonly zone: string; readonly listed: ZoneLook; readonly clear: ZoneLook }[];
  readonly senders: readonly SenderDefinition[];
  /** A list older than this is stale. */
  readonly maxAgeMs: number;
  /** ISO date of the bundled catalogue. */
  readonly catalogue: string;
  /** What the saved state knows of the senders; null: there is no state. */
  readonly known: Observed<SenderKnowledge | null>;
  readonly replaceable: Observed<true>;
  readonly daemon: Observed<true>;
}

const DAY_MS = 86_400_000;
const OLD_DAYS = 90;
/** So many senders are named. */
const NAMED = 5;

export function judgeSelf(facts: SelfFacts): CheckResult[] {
  return [
    dns(facts),
    veto(facts),
    senders(facts),
    catalogue(facts),
    state(facts),
    mode(facts),
    daemon(facts),
  ];
}

const ANSWERS = { found: 'found', 'no-data': 'no such record', 'no-name': 'no such name' };

function dns({ answers, dnsServers }: SelfFacts): CheckResult {
  if (answers.length === 0) return unknown('dns', 'no watched sender has an SPF domain');
  const through = serversText(dnsServers);
  const said = answers.map(
    ({ name, answer }) => `${name}: ${answer.kind === 'failed' ? answer.reason : ANSWERS[answer.kind]}`,
  );
  const found = answers.filter(({ answer }) => answer.kind === 'found').length;
  if (found === answers.length)
    return ok('dns', `${answers.map(({ name }) => name).join(', ')} answered through ${through}`);
  const silent = answers.some(({ answer }) => answer.kind === 'failed');
  const remedy = dnsRemedy(silent, dnsServers);
  const says = `${said.join(', ')} (through ${through})`;
  return found > 0 ? warn('dns', says, remedy) : fail('dns', says, remedy);
}

/** `silent`: a name was not answered; else the server denies names that exist. */
function dnsRemedy(silent: boolean, dnsServers: readonly string[]): string {
  const isSet = dnsServers.length > 0;
  const cause = silent
    ? 'Give screenpass a network (no network_mode: none, no internal network)'
    : 'These names exist: the server filters them, or has no Internet. Let it resolve them';
  const change = isSet
    ? `check SCREENPASS_DNS (${dnsServers.join(', ')}): without it, screenpass asks the system's server`
    : `name another DNS server:\n  services:\n    screenpass:\n      environment:\n        SCREENPASS_DNS: ADDRESS`;
  return `${cause}, or ${change}\nThen run docker compose up -d screenpass`;
}

function veto({ vetoes }: SelfFacts): CheckResult {
  if (vetoes.length === 0) return ok('veto', 'SCREENPASS_VETO_DNSBL names no zone');
  const wrong = vetoes.flatMap((one) => vetoProblem(one) ?? []);
  const zones = vetoes.map(({ zone }) => zone).join(', ');
  if (wrong.length === 0)
    return ok('veto', `${zones}: each answers, lists 127.0.0.2, and does not list 127.0.0.1`);
  return fail(
    'veto',
    wrong.join('; '),
    'No sender is allowed while a zone does not answer, or lists everything. Correct its name in SCREENPASS_VETO_DNSBL, or remove it. Many zones refuse public resolvers: set one of your own:\n' +
      '  services:\n    screenpass:\n      environment:\n        SCREENPASS_DNS: ADDRESS',
  );
}

/** RFC 5782 section 5. */
function vetoProblem({ zone, listed, clear }: SelfFacts['vetoes'][number]): string | null {
  const fault = [listed, clear].find((look) => look.kind === 'fault');
  if (fault?.kind === 'fault') return `${zone}: ${fault.reason}`;
  if (listed.kind !== 'listed') return `${zone} does not list 127.0.0.2: is there such a zone?`;
  return clear.kind === 'listed' ? `${zone} lists 127.0.0.1, so perhaps everything` : null;
}

function senders({ senders: watched, known, now, maxAgeMs }: SelfFacts): CheckResult {
  if (known.kind !== 'known') return unknown('senders', 'the state cannot be read');
  const all = watched.map((sender) => {
    const knowledge = knowledgeOf(sender, known.value ?? {});
    return { id: sender.id, trouble: knowledge.trouble, is: freshness(knowledge, now, maxAgeMs) };
  });
  const held = all.filter(({ is }) => is === 'suspicious');
  const stale = all.filter(({ is, trouble }) => is === 'stale' || (is === 'bundled' && trouble !== null));
  if (held.length === 0 && stale.length === 0) {
    const fresh = all.filter(({ is }) => is === 'fresh').length;
    return ok('senders', `${fresh} are fresh, ${all.length - fresh} are as the catalogue has them`);
  }
  const says = [
    ...held.map(({ id, trouble }) => `the new list of ${id} is suspicious (${trouble?.reason})`),
    ...(stale.length > 0 ? [`without a fresh answer: ${some(stale.map(({ id }) => id))}`] : []),
  ];
  return warn('senders', says.join('; '), sendersRemedy(held, stale.length > 0));
}

function some(ids: readonly string[]): string {
  const more = ids.length - NAMED;
  return more <= 0 ? ids.join(', ') : `${ids.slice(0, NAMED).join(', ')} and ${more} more`;
}

function sendersRemedy(
  held: readonly { readonly id: string; readonly trouble: { readonly acceptable: boolean } | null }[],
  stale: boolean,
): string {
  const ask = 'docker exec screenpass screenpass refresh';
  const acceptable = held.filter(({ trouble }) => trouble?.acceptable === true).map(({ id }) => id);
  return [
    'Their last good networks stay in use; screenpass senders shows them',
    ...(stale ? [`Ask again, once DNS answers:\n  ${ask}`] : []),
    ...(acceptable.length > 0
      ? [`If the change is right, accept it:\n  ${ask} --accept ${acceptable.join(' ')}`]
      : []),
  ].join('\n');
}

function catalogue({ catalogue: date, now }: SelfFacts): CheckResult {
  const days = Math.max(0, Math.floor((now - Date.parse(date)) / DAY_MS));
  const says = `the catalogue is from ${date}, ${days === 1 ? '1 day' : `${days} days`} old`;
  if (days <= OLD_DAYS) return ok('catalogue', says);
  return warn(
    'catalogue',
    says,
    'Build the image from a newer version of screenpass, then run docker compose up -d screenpass',
  );
}

function state({ known, replaceable, stateDir }: SelfFacts): CheckResult {
  if (replaceable.kind === 'failed')
    return fail(
      'state',
      replaceable.reason,
      `Keep the state in a volume:\n  services:\n    screenpass:\n      volumes:\n        - screenpass-state:${stateDir}/`,
    );
  return judged(
    'state',
    known,
    (found) =>
      ok('state', found === null ? `no state yet in ${stateDir}` : `${stateDir}/state.json is readable`),
    'At its next start screenpass moves it aside and begins with the table: docker compose restart screenpass',
  );
}

function mode({ mode: is }: SelfFacts): CheckResult {
  if (is === 'enforce') return ok('mode', 'enforce');
  return warn(
    'mode',
    'observe: screenpass reports what it would do, and changes nothing',
    'To make it act, put this into compose.yaml:\n  services:\n    screenpass:\n      environment:\n        SCREENPASS_MODE: enforce',
  );
}

function daemon({ daemon: answers }: SelfFacts): CheckResult {
  if (answers.kind === 'known') return ok('daemon', 'a daemon answers');
  return warn(
    'daemon',
    answers.kind === 'failed' ? answers.reason : answers.because,
    'Start it: docker compose up -d screenpass\nIf it stops again, read its log: docker compose logs screenpass',
  );
}
