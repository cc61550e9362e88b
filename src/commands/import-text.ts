import { safeText } from '../core/base/safe-text.ts';
import {
  type ImportReport,
  type JudgedLine,
  type SenderCover,
  VERDICTS,
  type Verdict,
} from '../core/import/import-report.ts';
import { linesText, percent } from '../core/import/list-judge.ts';
import { tableOf } from './table.ts';

/** So many lines of one verdict are shown to people; --json has all. */
const SHOWN = 20;
const LONGEST_PATTERN = 45;

const KINDS = Object.keys(VERDICTS) as Verdict[];

/** The settings that can take something over, and what for. */
const SETTINGS: Readonly<Record<keyof ImportReport['settings'], string>> = {
  SCREENPASS_SENDERS: 'watches the senders of the list that are not watched: add these to what you have',
  SCREENPASS_PRESEED:
    'opens the senders of the list from the start, as the list does, and not at their first refusal',
  SCREENPASS_NEVER: 'keeps screenpass from opening what you do not permit: add these to what you have',
};

/** The report for people. */
export function importText(report: ImportReport): string {
  const { senders, lines } = report;
  return [
    head(report),
    section('Known senders that it lets through', senders.length === 0 ? '' : sendersTable(senders)),
    section('Line by line', linesTable(lines)),
    section('What to do', adviceText(report)),
  ].join('');
}

function section(title: string, body: string): string {
  return body === '' ? '' : `\n${title}:\n${body}`;
}

function head({ bare, block, lines }: ImportReport): string {
  const wrong = lines.filter(({ verdict }) => VERDICTS[verdict].wrong).length;
  return [
    `${lines.length} lines were judged, ${wrong} have something wrong.`,
    bare
      ? 'It is a list of networks: Postfix needs "permit" behind each. They are judged as if it stood there.'
      : null,
    block === null
      ? null
      : `Lines ${block.first}-${block.last} are the block of screenpass, and are left out.`,
    '',
  ]
    .filter((line) => line !== null)
    .join('\n');
}

function sendersTable(senders: readonly SenderCover[]): string {
  const rows = senders.map(({ sender, watched, unlistable, cover, networks, ipv4, ipv6, asOf }) => [
    sender,
    watched ? 'yes' : 'no',
    cover,
    `${networks.whole} of ${networks.total}${unlistable ? '+' : ''}${networks.part === 0 ? '' : `, ${networks.part} in part`}`,
    ipv4.total === 0 ? '-' : `${ipv4.permitted} of ${ipv4.total}`,
    ipv6.total === 0 ? '-' : percent(ipv6.permitted / ipv6.total),
    asOf,
  ]);
  const table = tableOf(
    ['SENDER', 'WATCHED', 'COVERED', 'NETWORKS', 'IPV4 ADDRESSES', 'IPV6', 'AS OF'],
    rows,
  );
  return senders.some(({ unlistable }) => unlistable)
    ? `${table}+ It also sends from addresses that no list holds.\n`
    : table;
}

function linesTable(lines: readonly JudgedLine[]): string {
  const shown = KINDS.flatMap((verdict) => lines.filter((one) => one.verdict === verdict).slice(0, SHOWN));
  if (shown.length === 0) return '';
  const rows = shown
    .sort((a, b) => a.line - b.line)
    .map(({ line, pattern, verdict, why }) => [
      `${line}`,
      safeText(pattern).slice(0, LONGEST_PATTERN),
      verdict,
      why,
    ]);
  const left = lines.length - shown.length;
  const more =
    left === 0 ? '' : `and ${left} more: of each kind the first ${SHOWN} are shown, --json has all\n`;
  return tableOf(['LINE', 'RULE', 'VERDICT', 'WHY'], rows) + more;
}

function adviceText({ lines, settings }: ImportReport): string {
  const told = KINDS.flatMap((verdict) => {
    const numbers = lines.filter((one) => one.verdict === verdict).map(({ line }) => line);
    return numbers.length === 0
      ? []
      : [`${capital(linesText(numbers))} (${verdict}): ${plain(VERDICTS[verdict].advice)}.`];
  });
  const set = Object.entries(settings).flatMap(([name, value]) =>
    value === null ? [] : [`${name}=${value}\n  ${SETTINGS[name as keyof typeof SETTINGS]}.`],
  );
  return [...told, ...set, ''].join('\n');
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Without the marks of Markdown. */
function plain(text: string): string {
  return text.replaceAll('`', '');
}
