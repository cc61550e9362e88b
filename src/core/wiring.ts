/** Whether postscreen asks our table, from what postconf(1) says of the files on disk. */
export type Wiring =
  | { readonly kind: 'wired' }
  | { readonly kind: 'not-wired'; readonly reason: string; readonly line: string; readonly remedy: string };

export interface PostfixConfiguration {
  /** `postconf -hx postscreen_access_list` */
  readonly accessList: string;
  /** `postconf -P "*\/inet/postscreen_access_list"`: `-o` settings of master.cf, which beat main.cf */
  readonly overrides: string;
  /** `postconf -M` */
  readonly services: string;
}

const RECREATE =
  'Then re-create the mail container (docker compose up -d --force-recreate mailserver); a restart does not read that file';

/** `table` is the table's path inside the mail container, `mounts` the container's own mount points. */
export function judgeWiring(postfix: PostfixConfiguration, table: string, mounts: readonly string[]): Wiring {
  const item = `cidr:${table}`;
  const line = `postscreen_access_list = ${withItem(postfix.accessList, item)}`;
  const notWired = (reason: string, remedy: string, add = line): Wiring => {
    return { kind: 'not-wired', reason, line: add, remedy };
  };
  if (mounts.includes(table)) {
    return notWired(
      `${table} is mounted as a single file, which never changes in there`,
      'Mount the directory that holds it instead, and re-create the mail container',
    );
  }
  const services = postscreenServices(postfix.services);
  if (services.length === 0) {
    return notWired(
      'master.cf has no postscreen service',
      'docker-mailserver has it on port 25 by default: look into postfix-master.cf and user-patches.sh',
    );
  }
  for (const service of services) {
    const own = override(postfix.overrides, service);
    if (items(own ?? postfix.accessList).includes(item)) continue;
    if (own === undefined) {
      const remedy = `Put this line into config/postfix-main.cf: ${line} ${RECREATE}`;
      return notWired('postscreen_access_list does not name it', remedy);
    }
    const add = `${service}/inet/postscreen_access_list=${withItem(own, item)}`;
    const remedy = `Put this line into config/postfix-master.cf: ${add} ${RECREATE}`;
    return notWired(`master.cf has its own list for ${service}/inet`, remedy, add);
  }
  return { kind: 'wired' };
}

/** Names of the services of master.cf that postscreen serves (master(5): the first and the eighth field). */
function postscreenServices(services: string): string[] {
  const fields = services.split('\n').map((text) => text.split(/\s+/));
  return fields.flatMap(([name = '', type, , , , , , command]) =>
    type === 'inet' && command === 'postscreen' && !name.startsWith('#') ? [name] : [],
  );
}

function override(overrides: string, service: string): string | undefined {
  const start = `${service}/inet/postscreen_access_list = `;
  return overrides
    .split('\n')
    .find((text) => text.startsWith(start))
    ?.slice(start.length);
}

/** Ours stands last: Postfix ignores what is behind a table that it cannot read. */
function withItem(list: string, item: string): string {
  return [...items(list).filter((other) => other !== item), item].join(', ');
}

function items(list: string): string[] {
  return list.split(/[\s,]+/).filter((text) => text !== '');
}
