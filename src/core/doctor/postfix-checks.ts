import type { ListCheck } from '../postscreen/list-fault.ts';
import {
  inetServices,
  judgeOrder,
  judgeWiring,
  NO_POSTSCREEN,
  override,
  type PostfixConfiguration,
  pathRemedy,
} from '../postscreen/wiring.ts';
import { type Fact, type Finding, fail, judged, ok, skipped, unknown, warn } from './finding.ts';

/** What Postfix in the mail container says of itself. */
export interface PostfixFacts {
  /** The table as Postfix sees it. */
  readonly table: string;
  readonly running: Fact<boolean>;
  readonly configuration: Fact<PostfixConfiguration>;
  /** Values of the parameters in SCREENING, by name, as main.cf has them. */
  readonly settings: Fact<Readonly<Record<string, string>>>;
  /** What Postfix answers for opened networks. */
  readonly list: Fact<ListCheck>;
  /** Another path in the access list, which is the table; null: there is none. */
  readonly elsewhere: string | null;
}

/** The parameters that decide whom postscreen refuses. */
export const SCREENING = [
  'postscreen_dnsbl_sites',
  'postscreen_dnsbl_action',
  'postscreen_greet_action',
] as const;
type Screening = (typeof SCREENING)[number];

const BROKEN = 'Postfix complains of its own configuration: docker exec mailserver postfix check says more';
const RECREATE = 'Then docker compose up -d --force-recreate mailserver';

export function judgePostfix(facts: PostfixFacts): Finding[] {
  const { running, configuration, settings } = facts;
  const ours = postscreens(configuration);
  const wired = judged('wired', ours, (postfix) => wiring(postfix, facts), BROKEN);
  return [
    judged('postfix', running, runs, 'SCREENPASS_CONTAINER must name the container of docker-mailserver'),
    judged('postscreen', configuration, postscreen, BROKEN),
    wired,
    wired.verdict === 'fail'
      ? unknown('order', 'postscreen does not ask the table')
      : judged('order', ours, (postfix) => order(postfix, facts), BROKEN),
    judged('dnsbl', screening(ours, settings), dnsbl, BROKEN),
    judged('action', screening(ours, settings), action, BROKEN),
  ];
}

/** The configuration, if postscreen has any part in it; what could not be read is told once. */
function postscreens(configuration: Fact<PostfixConfiguration>): Fact<PostfixConfiguration> {
  if (configuration.kind === 'failed') return skipped("Postfix's configuration cannot be read");
  if (configuration.kind === 'skipped') return configuration;
  const { services } = configuration.value;
  const some = inetServices(services).some(({ program }) => program === 'postscreen');
  return some ? configuration : skipped('there is no postscreen');
}

function runs(running: boolean): Finding {
  if (running) return ok('postfix', 'Postfix runs');
  return fail(
    'postfix',
    'Postfix does not run in the mail container',
    'docker-mailserver takes a minute until it starts Postfix: look again then\n' +
      'If it never does, these say why: docker compose logs mailserver, docker exec mailserver supervisorctl status',
  );
}

function postscreen({ services }: PostfixConfiguration): Finding {
  const all = inetServices(services);
  const names = all.filter(({ program }) => program === 'postscreen').map(({ name }) => name);
  const direct = all.find(({ name, program }) => /(?:^|:)(?:smtp|25)$/.test(name) && program === 'smtpd');
  const what = direct === undefined ? '' : `; smtpd answers at port 25 (${direct.name}) itself`;
  if (names.length === 0) return fail('postscreen', `${NO_POSTSCREEN.reason}${what}`, BRING_BACK);
  if (what !== '') return warn('postscreen', `postscreen serves ${names.join(', ')} only${what}`, BRING_BACK);
  return ok('postscreen', `postscreen serves ${names.join(', ')}`);
}

const BRING_BACK =
  `${NO_POSTSCREEN.remedy}\nThese lines in config/user-patches.sh bring it back:\n` +
  "  postconf -M 'smtp/inet=smtp inet n - n - 1 postscreen'\n" +
  "  postconf -M 'smtpd/pass=smtpd pass - - n - - smtpd'\n" +
  "  postconf -M 'dnsblog/unix=dnsblog unix - - n - 0 dnsblog'\n" +
  "  postconf -M 'tlsproxy/unix=tlsproxy unix - - n - 0 tlsproxy'\n" +
  RECREATE;

function wiring(postfix: PostfixConfiguration, { table, elsewhere }: PostfixFacts): Finding {
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

function order(postfix: PostfixConfiguration, { table, list }: PostfixFacts): Finding {
  if (list.kind === 'known' && list.value.kind === 'fault')
    return fail('order', list.value.fault.reason, list.value.fault.remedy);
  const disorder = judgeOrder(postfix, table);
  const better = list.kind === 'known' && list.value.kind === 'permitted' ? list.value.better : null;
  if (disorder !== null) return warn('order', disorder.reason, (better ?? disorder).remedy);
  return judged('order', list, permitted, BROKEN);
}

function permitted(list: ListCheck): Finding {
  if (list.kind === 'unknown') return unknown('order', list.reason);
  const asked = list.kind === 'permitted' && list.opened > 0 ? plural(list.opened) : null;
  return ok(
    'order',
    `nothing is in the way of the table${asked === null ? '' : `: Postfix lets ${asked} in`}`,
  );
}

function plural(count: number): string {
  return count === 1 ? '1 opened network' : `${count} opened networks`;
}

/** For each parameter the values that the postscreen services have, main.cf and master.cf taken together. */
type Values = Readonly<Record<Screening, readonly string[]>>;

function screening(
  configuration: Fact<PostfixConfiguration>,
  settings: Fact<Readonly<Record<string, string>>>,
): Fact<Values> {
  if (configuration.kind !== 'known') return configuration;
  if (settings.kind !== 'known') return settings;
  const { services, overrides } = configuration.value;
  const names = inetServices(services).filter(({ program }) => program === 'postscreen');
  const values = SCREENING.map((parameter) => [
    parameter,
    names.map(({ name }) => override(overrides, name, parameter) ?? settings.value[parameter] ?? ''),
  ]);
  return { kind: 'known', value: Object.fromEntries(values) as Values };
}

function dnsbl({ postscreen_dnsbl_sites: sites }: Values): Finding {
  const asked = sites.find((text) => text !== '');
  if (asked !== undefined) return ok('dnsbl', `postscreen asks ${asked}`);
  return warn(
    'dnsbl',
    'postscreen asks no blocklist (ENABLE_DNSBL=0): all that an entry can cure is PREGREET',
    `If that is meant, all is well. If blocklists are to be asked, put into compose.yaml\n${environment('ENABLE_DNSBL', "'1'")}`,
  );
}

function action(values: Values): Finding {
  const tests = [
    ...(values.postscreen_dnsbl_sites.some((sites) => sites !== '')
      ? ['postscreen_dnsbl_action' as const]
      : []),
    'postscreen_greet_action' as const,
  ];
  const ignoring = tests.filter((parameter) => values[parameter].includes('ignore'));
  if (ignoring.length === 0) {
    const told = tests.map((parameter) => `${parameter} = ${values[parameter].join(', ')}`);
    return ok('action', told.join('; '));
  }
  return warn(
    'action',
    `${ignoring.map((parameter) => `${parameter} = ignore`).join(', ')}: postscreen refuses nobody for that, so there is nothing to cure`,
    `If that is meant, all is well. If not, put into compose.yaml\n${environment('POSTSCREEN_ACTION', 'enforce')}`,
  );
}

function environment(name: string, value: string): string {
  return `  services:\n    mailserver:\n      environment:\n        ${name}: ${value}\n${RECREATE}`;
}
