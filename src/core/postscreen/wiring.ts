// Whether postscreen consults our table, by Postfix's configuration, and the line to write if not. What Postfix answers
// about the list: access-list.ts and list-fault.ts.

import { posix } from 'node:path';

/** Whether postscreen asks our table, from what postconf(1) says of the files on disk. */
export type Wiring = { readonly kind: 'wired' } | NotWired;

interface NotWired extends Correction {
  readonly kind: 'not-wired';
  readonly reason: string;
}

/** A line of Postfix's configuration, and what to do with it. */
export interface Correction {
  readonly line: string;
  /** Has the line in a line of its own. */
  readonly remedy: string;
}

export interface PostfixConfiguration {
  /** `postconf -hx postscreen_access_list` */
  readonly accessList: string;
  /** `postconf -Px "*\/inet/*"`: `-o` settings of master.cf, which beat main.cf */
  readonly overrides: string;
  /** `postconf -M` */
  readonly services: string;
  /** `postconf -hx mynetworks` */
  readonly mynetworks: string;
}

/** A network service of master.cf (master(5)): its name or address, and the program that serves it. */
interface InetService {
  readonly name: string;
  readonly program: string;
}

/** What one postscreen service has as its access list. */
export interface AccessList {
  readonly service: string;
  readonly overridden: boolean;
  readonly items: readonly string[];
  /** What `permit_mynetworks` means to this service. */
  readonly mynetworks: string;
}

const RECREATE =
  'Then re-create the mail container (docker compose up -d --force-recreate mailserver); a restart does not read that file';
export const NO_POSTSCREEN = {
  reason: 'master.cf has no postscreen service',
  remedy:
    'Remove what turns it off from postfix-master.cf and user-patches.sh: docker-mailserver has it on port 25 by default',
};

/** `table` is the table's path inside the mail container, `mounts` the container's own mount points. */
export function judgeWiring(postfix: PostfixConfiguration, table: string, mounts: readonly string[]): Wiring {
  const line = `postscreen_access_list = ${inOrder(listItems(postfix.accessList), table).join(', ')}`;
  const mounted = judgeMount(table, mounts);
  if (mounted !== null) return { kind: 'not-wired', line, ...mounted };
  const lists = accessLists(postfix);
  if (lists.length === 0) return { kind: 'not-wired', line, ...NO_POSTSCREEN };
  const without = lists.find((list) => !list.items.includes(`cidr:${table}`));
  if (without === undefined) return { kind: 'wired' };
  const missing = without.overridden
    ? `master.cf has its own list for ${without.service}/inet`
    : 'postscreen_access_list does not name it';
  const added = correction(without, table);
  const [other] = namesakes(postfix, table);
  if (other === undefined) return { kind: 'not-wired', reason: missing, ...added };
  return {
    kind: 'not-wired',
    reason: `${missing}; it names ${other}`,
    line: added.line,
    remedy: `If ${other} is the table as the mail container sees it, set SCREENPASS_TABLE_IN_CONTAINER to that path. If not: ${added.remedy}`,
  };
}

/** Items that have the name of the table in another directory: perhaps the table itself, as that container sees it. */
export function namesakes(postfix: PostfixConfiguration, table: string): readonly string[] {
  const name = posix.basename(table);
  const paths = accessLists(postfix).flatMap(({ items }) =>
    items.flatMap((item) => /^cidr:(\/.*)$/s.exec(item)?.[1] ?? []),
  );
  return [...new Set(paths)].filter((path) => path !== table && posix.basename(path) === name);
}

/** What to do when `path` is the table in the mail container, and not the configured path. */
export function pathRemedy(path: string): string {
  return (
    'Put this into compose.yaml:\n  services:\n    screenpass:\n      environment:\n' +
    `        SCREENPASS_TABLE_IN_CONTAINER: ${path}\nThen docker compose up -d screenpass`
  );
}

/** A file that is itself mounted never changes inside the container. Null: the table is not mounted that way. */
export function judgeMount(
  table: string,
  mounts: readonly string[],
): { readonly reason: string; readonly remedy: string } | null {
  if (!mounts.includes(table)) return null;
  return {
    reason: `${table} is mounted as a single file, which never changes inside the container`,
    remedy:
      'Mount its directory instead of the file, and re-create the mail container: docker compose up -d --force-recreate mailserver',
  };
}

/**
 * Whether something else in a list that names the table makes it useless, or would be switched off by it: Postfix
 * ignores what is behind a table that it cannot read. Null: all is in order.
 */
export function judgeOrder(postfix: PostfixConfiguration, table: string): Omit<NotWired, 'kind'> | null {
  for (const list of accessLists(postfix)) {
    const at = list.items.indexOf(`cidr:${table}`);
    if (at < 0) continue;
    const hiding = list.items.slice(0, at).find(answersAll);
    const after = list.items.slice(at + 1);
    const behind = after.slice(0, firstAnswer(after)).filter((item) => item.includes(':'));
    const reason =
      hiding !== undefined
        ? `"${hiding}" comes before it and decides for every client, so that it is never checked`
        : `Postfix ignores ${behind.join(' and ')} behind it whenever it cannot read it`;
    if (hiding !== undefined || behind.length > 0) return { reason, ...correction(list, table) };
  }
  return null;
}

export function inetServices(services: string): readonly InetService[] {
  const fields = services.split('\n').map((text) => text.split(/\s+/));
  return fields.flatMap(([name = '', type, , , , , , program = '']) =>
    type === 'inet' && !name.startsWith('#') ? [{ name, program }] : [],
  );
}

/** The value that `-o` in master.cf gives a parameter of an inet service; undefined: main.cf's value applies. */
export function override(overrides: string, service: string, parameter: string): string | undefined {
  const start = `${service}/inet/${parameter} =`;
  return overrides
    .split('\n')
    .find((text) => text.startsWith(start))
    ?.slice(start.length)
    .trim();
}

export function accessLists({
  services,
  overrides,
  accessList,
  mynetworks,
}: PostfixConfiguration): AccessList[] {
  return inetServices(services)
    .filter(({ program }) => program === 'postscreen')
    .map(({ name }) => {
      const own = override(overrides, name, 'postscreen_access_list');
      return {
        service: name,
        overridden: own !== undefined,
        items: listItems(own ?? accessList),
        mynetworks: override(overrides, name, 'mynetworks') ?? mynetworks,
      };
    });
}

/** The line with the table in its place, and where to put it. */
function correction(list: AccessList, table: string): Correction {
  return correctionTo(list, inOrder(list.items, table));
}

/**
 * The line with these items in place of those of the list, and where to put it. docker-mailserver gives a line for master.cf to
 * `postconf -P`, which takes no blanks in a value.
 */
export function correctionTo({ service, overridden }: AccessList, items: readonly string[]): Correction {
  const [file, line] = overridden
    ? ['config/postfix-master.cf', `${service}/inet/postscreen_access_list=${items.join(',')}`]
    : ['config/postfix-main.cf', `postscreen_access_list = ${items.join(', ')}`];
  return { line, remedy: `Put this line into ${file}:\n  ${line}\n${RECREATE}` };
}

/** Our table is the last one, and before every item that answers for all clients. */
export function inOrder(list: readonly string[], table: string): readonly string[] {
  const others = list.filter((item) => item !== `cidr:${table}`);
  const at = firstAnswer(others);
  return [...others.slice(0, at), `cidr:${table}`, ...others.slice(at)];
}

/** The place of the first item that answers for all clients; the length when there is none. */
function firstAnswer(list: readonly string[]): number {
  const at = list.findIndex(answersAll);
  return at < 0 ? list.length : at;
}

/** Postfix stops at permit, reject and dunno, and at a word that it does not know. */
function answersAll(item: string): boolean {
  return !item.includes(':') && item.toLowerCase() !== 'permit_mynetworks';
}

/**
 * The items of a list of Postfix (mystrtokq.c): blanks and commas inside braces do not separate items, since
 * `cidr:{ {192.0.2.1 permit} }` is a table (Postfix 3.7).
 */
export function listItems(list: string): string[] {
  const items: string[] = [];
  let item = '';
  let depth = 0;
  for (const letter of `${list} `) {
    if (depth === 0 && ', \t\r\n'.includes(letter)) {
      if (item !== '') items.push(item);
      item = '';
      continue;
    }
    if (letter === '{') depth += 1;
    if (letter === '}' && depth > 0) depth -= 1;
    item += letter;
  }
  // With an unclosed brace, the rest is one item; the blank at its end is ours.
  if (item !== '') items.push(item.slice(0, -1));
  return items;
}
