// What an oracle run sends from where, and how Postfix is set meanwhile.
import { MOST_AT_ONCE, type Source } from './shapes.ts';

const at = (address: string, sender: string | null, listed: boolean): Source => ({ address, sender, listed });

/** Senders in docker-compose.oracle.yml's SCREENPASS_NEVER stay refused; the others are let in, and revoked again. */
export const SOURCES: readonly [Source, ...Source[]] = [
  at('54.240.27.75', 'amazon-ses', true),
  at('54.240.27.76', 'amazon-ses', true),
  at('54.240.27.78', 'amazon-ses', false),
  // The operator's own rule refuses this one.
  at('54.240.27.77', 'amazon-ses', false),
  at('192.30.252.5', 'github', true),
  at('87.253.232.5', 'mailjet', true),
  at('87.253.232.9', 'mailjet', false),
  at('74.125.0.5', 'google', true),
  at('2607:f8b0:4864::1a2', 'google', false),
  at('13.110.14.214', 'salesforce', true),
  at('167.89.93.77', 'sendgrid', true),
  at('50.31.32.5', 'sendgrid', true),
  at('50.31.32.9', 'sendgrid', false),
  at('69.72.32.5', 'mailgun', true),
  at('69.72.32.6', 'mailgun', true),
  at('185.12.80.5', 'zendesk', true),
  at('185.12.80.9', 'zendesk', false),
  at('203.0.113.9', null, true),
  at('203.0.113.10', null, false),
  at('185.199.108.7', null, true),
];
export const REVOKED = ['amazon-ses', 'github', 'mailjet', 'google', 'salesforce'] as const;
export const OPERATORS_RULE = '54.240.27.77/32 reject\n';

/** The sender of each address. */
export const SENDERS: ReadonlyMap<string, string> = new Map(
  SOURCES.flatMap(({ address, sender }) => (sender === null ? [] : [[address, sender] as const])),
);
export const clients = SOURCES.flatMap(({ address }) => (address.includes(':') ? [] : [address]));
export const listed = SOURCES.flatMap((one) => (one.listed ? [one.address] : []));

/** Beside those of test/e2e/mail/main.cf. */
export const SETTINGS = [
  'inet_protocols = all',
  `postscreen_client_connection_count_limit = ${MOST_AT_ONCE}`,
  'postscreen_command_time_limit = 5s',
  'smtpd_timeout = 10s',
] as const;

/** What smtpd does with one recipient, so that each session chooses its later gate. */
const BY_RECIPIENT = [
  '{grey@example.test = 450 4.2.0 Greylisted, see http://postgrey.schweikert.ch/help/example.test.html}',
  '{spf@example.test = 550 5.7.23 Message rejected due to: SPF fail - not authorized}',
  '{name@example.test = reject_unknown_client_hostname}',
  '{list@example.test = reject_rbl_client zen.spamhaus.org}',
].join(', ');
export const LATER = `smtpd_recipient_restrictions = reject_unauth_destination, reject_non_fqdn_helo_hostname, check_recipient_access inline:{${BY_RECIPIENT}}`;
/** The tests after the greeting. */
export const DEEP = ['bare_newline', 'pipelining', 'non_smtp_command'].map(
  (test) => `postscreen_${test}_enable = yes`,
);
/** What postscreen does with a client that fails a test. */
export const action = (what: string) =>
  ['dnsbl', 'greet', 'bare_newline', 'denylist'].map((test) => `postscreen_${test}_action = ${what}`);
/** What each phase begins with. */
export const OFF = [
  ...['bare_newline', 'pipelining', 'non_smtp_command'].map((test) => `postscreen_${test}_enable = no`),
  ...action('enforce'),
  'postscreen_non_smtp_command_action = drop',
  'postscreen_allowlist_interfaces = static:all',
  'smtpd_recipient_restrictions = ',
];
