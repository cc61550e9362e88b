/** Checks of Postfix in the mail container: postfix, postscreen, wired, order, dnsbl, action. */

import type { ListCheck } from '../postscreen/list-fault.ts';
import {
  accessLists,
  inetServices,
  judgeOrder,
  judgeWiring,
  NO_POSTSCREEN,
  override,
  type PostfixConfiguration,
  pathRemedy,
} from '../postscreen/wiring.ts';
import {
  type CheckResult,
  fail,
  judged,
  known,
  type Observed,
  ok,
  skipped,
  unknown,
  warn,
} from './check-result.ts';

/** What Postfix in the mail container says of itself. */
export interface PostfixFacts {
  /** The table as Postfix sees it. */
  readonly table: string;
  readonly running: Observed<boolean>;
  readonly configuration: Observed<PostfixConfiguration>;
  /** Values of the parameters in SCREENING, by name, as main.cf has them. */
  readonly settings: Observed<Readonly<Record<string, string>>>;
  /** What Postfix answers for opened networks. */
  readonly list: Observed<ListCheck>;
  /** Another path in the access list, which is the table; null: there is none. */
  readonly elsewhere: string | null;
}

/** The parameters that decide which clients postscreen refuses. */
export const SCREENING = [
  'postscreen_dnsbl_sites',
  'postscreen_dnsbl_action',
  'postscreen_greet_action',
] as const;
type Screening = (typeof SCREENING)[number];

const BROKEN =
  'Postfix reports a problem in its own configuration. This shows it: docker exec mailserver postfix check';
const RECREATE = 'Then docker compose up -d --force-recreate mailserver';

export function judgePostfix(facts: PostfixFacts): CheckResult[] {
  const { running, configuration, settings } = facts;
  const ours = postscreens(configuration);
  const wired = judged('wired', ours, (postfix) => wiring(postfix, facts), BROKEN);
  return [
    judged(
      'postfix',
      running,
      runs,
      'Set SCREENPASS_CONTAINER to the name of the container of docker-mailserver',
    ),
    judged('postscreen', configuration, postscreen, BROKEN),
    wired,
    wired.verdict === 'fail'
      ? unknown('order', 'postscreen does not ask the table')
      : judged('order', ours, (postfix) => order(postfix, facts), BROKEN),
    judged('dnsbl', screening(ours, settings), dnsbl, BROKEN),
    judged('action', screening(ours, settings), action, BROKEN),
  ];
}

/** The configuration, if it has a postscreen service; what could not be read is reported by one check. */
function postscreens(configuration: Observed<PostfixConfiguration>): Observed<PostfixConfiguration> {
  if (configuration.kind === 'failed') return skipped("Postfix's configuration cannot be read");
  if (configuration.kind === 'skipped') return configuration;
  return accessLists(configuration.value).length > 0 ? configuration : skipped('there is no postscreen');
}

function runs(running: boolean): CheckResult {
  if (running) return ok('postfix', 'Postfix runs');
  return fail(
    'postfix',
    'Postfix does not run in the mail container',
    'docker-mailserver needs a minute to start Postfix: run screenpass doctor again then\n' +
      'If Postfix does not start, these show why: docker compose logs mailserver, docker exec mailserver supervisorctl status',
  );
}

function postscreen({ services }: PostfixConfiguration): CheckResult {
  const all = inetServices(services);
  const names = all.filter(({ program }) => program === 'postscreen').map(({ name }) => name);
  const direct = all.find(({ name, program }) => /(?:^|:)(?:smtp|25)$/.test(name) && program === 'smtpd');
  const what = direct === undefined ? '' : `; smtpd answers at port 25 (${direct.name}) itself`;
  if (names.length === 0) return fail('postscreen', `${NO_POSTSCREEN.reason}${what}`, BRING_BACK);
  if (what !== '') return warn('postscreen', `postscreen serves ${names.join(', ')} only${what}`, BRING_BACK);
  return ok('postscreen', `postscreen serves ${names.join(', ')}`);
}

const BRING_BACK =
  `${NO_POSTSCREEN.remedy}\nPut these lines into config/user-patches.sh:\n` +
  "  postconf -M 'smtp/inet=smtp inet n - n - 1 postscreen'\n" +
  "  postconf -M 'smtpd/pass=smtpd pass - - n - - smtpd'\n" +
  "  postconf -M 'dnsblog/unix=dnsblog unix - - n - 0 dnsblog'\n" +
  "  postconf -M 'tlsproxy/unix=tlsproxy unix - - n - 0 tlsproxy'\n" +
  RECREATE;

function wiring(postfix: PostfixConfiguration, { table, elsewhere }: PostfixFacts): CheckResult {
  // How the table is mounted is another check.
  const judgement = judgeWiring(postfix, table, []);
  if (judgement.kind === 'wired') return ok('wired', `postscreen asks cidr:${table}`);
  if (elsewhere !== null)
    return fail(
      'wired',
      `postscreen asks cidr:${elsewhere}, which is the table; not ${table}`,
      pathRemedy(elsewhere),
    );
  return fail('wired', judgement.reason, judgement.remedy);
}

function order(postfix: PostfixConfiguration, { table, list }: PostfixFacts): CheckResult {
  if (list.kind === 'known' && list.value.kind === 'fault')
    return fail('order', list.value.fault.reason, list.value.fault.remedy);
  const disorder = judgeOrder(postfix, table);
  const better = list.kind === 'known' && list.value.kind === 'permitted' ? list.value.better : null;
  if (disorder !== null) return warn('order', disorder.reason, (better ?? disorder).remedy);
  return judged('order', list, permitted, BROKEN);
}

function permitted(list: ListCheck): CheckResult {
  if (list.kind === 'unknown') return unknown('order', list.reason);
  const opened = list.kind === 'permitted' ? list.opened : 0;
  const permits =
    opened === 0 ? '' : `: it permits ${opened === 1 ? '1 opened network' : `${opened} opened networks`}`;
  return ok('order', `nothing keeps Postfix from using the table${permits}`);
}

/** For each parameter the values that the postscreen services have, main.cf and master.cf taken together. */
type Values = Readonly<Record<Screening, readonly string[]>>;

function screening(
  configuration: Observed<PostfixConfiguration>,
  settings: Observed<Readonly<Record<string, string>>>,
): Observed<Values> {
  if (configuration.kind !== 'known') return configuration;
  if (settings.kind !== 'known') return settings;
  const { overrides } = configuration.value;
  const services = accessLists(configuration.value).map(({ service }) => service);
  const values = SCREENING.map((parameter) => [
    parameter,
    services.map((name) => override(overrides, name, parameter) ?? settings.value[parameter] ?? ''),
  ]);
  return known(Object.fromEntries(values) as Values);
}

function dnsbl({ postscreen_dnsbl_sites: sites }: Values): CheckResult {
  const asked = sites.find((text) => text !== '');
  if (asked !== undefined) return ok('dnsbl', `postscreen asks ${asked}`);
  return warn(
    'dnsbl',
    'postscreen asks no blocklist (ENABLE_DNSBL=0): all that an entry can cure is PREGREET',
    `If that is intended, there is nothing to do. To use blocklists, put this into compose.yaml:\n${environment('ENABLE_DNSBL', "'1'")}`,
  );
}

function action(values: Values): CheckResult {
  const tests = [
    ...(values.postscreen_dnsbl_sites.some((sites) => sites !== '')
      ? ['postscreen_dnsbl_action' as const]
      : []),
    'postscreen_greet_action' as const,
  ];
  const ignoring = tests.filter((parameter) => values[parameter].includes('ignore'));
  if (ignoring.length === 0) {
    const shown = tests.map((parameter) => `${parameter} = ${values[parameter].join(', ')}`);
    return ok('action', shown.join('; '));
  }
  return warn(
    'action',
    `${ignoring.map((parameter) => `${parameter} = ignore`).join(', ')}: postscreen refuses no client for that, so an entry cures nothing`,
    `If that is intended, there is nothing to do. If not, put this into compose.yaml:\n${environment('POSTSCREEN_ACTION', 'enforce')}`,
  );
}

function environment(name: string, value: string): string {
  return `  services:\n    mailserver:\n      environment:\n        ${name}: ${value}\n${RECREATE}`;
}
