/** Every gate that can refuse mail, with its remedy. How a line shows a gate is in session.ts and later-gate.ts. */
interface GateRow {
  readonly level: 'postscreen' | 'later';
  /** postscreen asks its access list before this test, so an entry in it cures the refusal (postscreen(8)). */
  readonly curable: boolean;
  /** What the operator of docker-mailserver can look at, in its own names. */
  readonly remedy: string;
  /** Path of the page in docker-mailserver's documentation. */
  readonly docs: string;
}

const OVERRIDE_POSTFIX = 'config/advanced/override-defaults/postfix/';

/**
 * Every gate that can turn mail away. The later ones are behind postscreen: no entry of the table skips them.
 * Settings and pages are those of docker-mailserver's documentation.
 */
const TABLE = {
  dnsbl: {
    level: 'postscreen',
    curable: true,
    remedy:
      'An entry in the access list lets the sender in; ENABLE_DNSBL=0 turns the lists off for every client.',
    docs: 'config/environment/#enable_dnsbl',
  },
  pregreet: {
    level: 'postscreen',
    curable: true,
    remedy:
      'An entry in the access list lets the sender in; POSTSCREEN_ACTION decides about every client that speaks too early.',
    docs: 'config/environment/#postscreen_action',
  },
  protocol: {
    level: 'postscreen',
    curable: true,
    remedy:
      'An entry in the access list lets the sender in; POSTSCREEN_ACTION decides about every client that breaks the rules.',
    docs: 'config/environment/#postscreen_action',
  },
  'first-contact': {
    level: 'postscreen',
    curable: true,
    remedy:
      'An entry in the access list lets the sender in; a postscreen_..._enable in postfix-main.cf turned this test on.',
    docs: OVERRIDE_POSTFIX,
  },
  veto: {
    level: 'postscreen',
    curable: true,
    remedy:
      'An entry in the access list lets the sender in; postscreen_allowlist_interfaces in postfix-main.cf is the cause.',
    docs: OVERRIDE_POSTFIX,
  },
  'greet-wait': {
    level: 'postscreen',
    curable: true,
    remedy:
      'An entry in the access list lets the sender in without the wait; postscreen_greet_wait is its length for every client.',
    docs: OVERRIDE_POSTFIX,
  },
  overload: {
    level: 'postscreen',
    curable: false,
    remedy:
      'Postfix was too busy: raise postscreen_client_connection_count_limit or default_process_limit in postfix-main.cf.',
    docs: OVERRIDE_POSTFIX,
  },
  'operator-reject': {
    level: 'postscreen',
    curable: false,
    remedy: 'A reject rule of yours matches: remove it from the tables in postscreen_access_list.',
    docs: OVERRIDE_POSTFIX,
  },
  'client-hostname': {
    level: 'later',
    curable: false,
    remedy: 'Set POSTFIX_REJECT_UNKNOWN_CLIENT_HOSTNAME=0 to accept clients without a matching reverse name.',
    docs: 'config/environment/#postfix_reject_unknown_client_hostname',
  },
  'smtpd-dnsbl': {
    level: 'later',
    curable: false,
    remedy:
      'smtpd asks its own blocklists: remove reject_rbl_client and similar restrictions from postfix-main.cf, or update docker-mailserver if it still has them.',
    docs: OVERRIDE_POSTFIX,
  },
  helo: {
    level: 'later',
    curable: false,
    remedy:
      'The client gave a wrong name in HELO; to accept that, override smtpd_helo_restrictions and smtpd_recipient_restrictions in postfix-main.cf.',
    docs: OVERRIDE_POSTFIX,
  },
  'sender-domain': {
    level: 'later',
    curable: false,
    remedy:
      "The envelope sender's domain was not found: check the mail container's DNS; the rule is reject_unknown_sender_domain in dms_smtpd_sender_restrictions.",
    docs: OVERRIDE_POSTFIX,
  },
  'recipient-domain': {
    level: 'later',
    curable: false,
    remedy:
      "The recipient's domain was not found: check the mail container's DNS; the rule is reject_unknown_recipient_domain in smtpd_recipient_restrictions.",
    docs: OVERRIDE_POSTFIX,
  },
  'unknown-user': {
    level: 'later',
    curable: false,
    remedy:
      'The address does not exist: create it with setup email add or setup alias add, or inform the sender.',
    docs: 'config/account-management/overview/',
  },
  'relay-denied': {
    level: 'later',
    curable: false,
    remedy:
      "The recipient's domain is not yours: if it is, add an account or alias with setup email add or setup alias add.",
    docs: 'config/account-management/overview/',
  },
  spf: {
    level: 'later',
    curable: false,
    remedy:
      "The SPF record of the sender's domain does not authorise this client; ENABLE_POLICYD_SPF=0 turns the check off.",
    docs: 'config/environment/#enable_policyd_spf',
  },
  dmarc: {
    level: 'later',
    curable: false,
    remedy:
      "The DMARC policy of the author's domain asks for rejection; ENABLE_OPENDMARC=0 turns the check off.",
    docs: 'config/environment/#enable_opendmarc',
  },
  'rate-limit': {
    level: 'later',
    curable: false,
    remedy:
      'The client came too often: raise the smtpd_client_..._limit that the mail log names, in postfix-main.cf.',
    docs: OVERRIDE_POSTFIX,
  },
  postgrey: {
    level: 'later',
    curable: false,
    remedy:
      'Add the sender to whitelist_clients.local to skip the delay; POSTGREY_DELAY is its length, ENABLE_POSTGREY=0 turns it off.',
    docs: 'config/environment/#enable_postgrey',
  },
  'rspamd-greylist': {
    level: 'later',
    curable: false,
    remedy:
      'RSPAMD_GREYLISTING=0 turns greylisting off; Rspamd also gives this reply when its DNS lookups take too long.',
    docs: 'config/environment/#rspamd_greylisting',
  },
  'rspamd-reject': {
    level: 'later',
    curable: false,
    remedy:
      'Rspamd gave too high a score: rspamd.log beside mail.log has the symbols, rspamd/custom-commands.conf changes them.',
    docs: 'config/security/rspamd/',
  },
  amavis: {
    level: 'later',
    curable: false,
    remedy:
      'Amavis held it back: SPAMASSASSIN_SPAM_TO_INBOX=1 delivers spam with a mark, SA_KILL is the score; viruses stay out.',
    docs: 'config/environment/#spamassassin_spam_to_inbox',
  },
  fail2ban: {
    level: 'later',
    curable: false,
    remedy:
      'Fail2Ban drops its packets: setup fail2ban unban ADDRESS lifts the ban, ignoreip in fail2ban-jail.cf prevents the next.',
    docs: 'config/security/fail2ban/',
  },
  'other-later': {
    level: 'later',
    curable: false,
    remedy:
      'Search the mail log for this client and code: a restriction of Postfix or a milter gave that reply.',
    docs: 'config/debugging/',
  },
} as const satisfies Record<string, GateRow>;

export type Gate = keyof typeof TABLE;

type AtLevel<S extends GateRow['level']> = {
  [G in Gate]: (typeof TABLE)[G]['level'] extends S ? G : never;
}[Gate];

/** Which test of postscreen turned a session away. */
export type PostscreenGate = AtLevel<'postscreen'>;

/** What turned mail away behind postscreen. */
export type LaterGate = AtLevel<'later'>;

export const GATES: Readonly<Record<Gate, GateRow>> = TABLE;

/** The tests of postscreen, for the reader of a saved one. */
export const POSTSCREEN_GATES = (Object.keys(TABLE) as Gate[]).filter(
  (gate): gate is PostscreenGate => TABLE[gate].level === 'postscreen',
);

/** The gates behind postscreen, for the same. */
export const LATER_GATES = (Object.keys(TABLE) as Gate[]).filter(
  (gate): gate is LaterGate => TABLE[gate].level === 'later',
);
