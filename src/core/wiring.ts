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
  if (mounts.includes(table)) {
    const remedy = 'Mount the directory that holds it instead, and re-create the mail container';
    return {
      kind: 'not-wired',
      reason: `${table} is mounted as a single file, which never changes in there`,
      line,
      remedy,
    };
  }
  if (!/^[^\s#]\S*\s+inet\s.*\spostscreen(\s|$)/m.test(postfix.services)) {
    const remedy =
      'docker-mailserver has it on port 25 by default: look into postfix-master.cf and user-patches.sh';
    return { kind: 'not-wired', reason: 'master.cf has no postscreen service', line, remedy };
  }
  const override = overridesWithout(postfix.overrides, item)[0];
  if (override !== undefined) {
    const line = `${override.service}/postscreen_access_list=${withItem(override.value, item)}`;
    const remedy = `Put this line into config/postfix-master.cf: ${line} ${RECREATE}`;
    return { kind: 'not-wired', reason: `master.cf has its own list for ${override.service}`, line, remedy };
  }
  const overridden = postfix.overrides.includes(item);
  if (overridden || items(postfix.accessList).includes(item)) return { kind: 'wired' };
  const remedy = `Put this line into config/postfix-main.cf: ${line} ${RECREATE}`;
  return { kind: 'not-wired', reason: 'postscreen_access_list does not name it', line, remedy };
}

/** Ours stands last: Postfix ignores what is behind a table that it cannot read. */
function withItem(list: string, item: string): string {
  return [...items(list).filter((other) => other !== item), item].join(', ');
}

function items(list: string): string[] {
  return list.split(/[\s,]+/).filter((text) => text !== '');
}

function overridesWithout(overrides: string, item: string): { service: string; value: string }[] {
  return overrides
    .split('\n')
    .map((text) => /^(\S+\/inet)\/postscreen_access_list = (.*)$/.exec(text))
    .filter((match) => match !== null)
    .map(([, service = '', value = '']) => ({ service, value }))
    .filter(({ value }) => !items(value).includes(item));
}
