import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { contains, parseAddress, parseNetwork } from '../../src/core/net/network.ts';
import type { Patient } from '../double/patient.ts';

/** Does what a remedy of doctor says, to the letter, where it has a line to copy or a rule to take away. */
export async function follow(patient: Patient, remedy: string): Promise<void> {
  const { mail } = patient;
  const main = /^ {2}postscreen_access_list = (.*)$/m.exec(remedy)?.[1];
  if (main !== undefined) {
    mail.wiring = 'wired';
    mail.accessList = main;
  }
  const master = /^ {2}smtp\/inet\/postscreen_access_list=(.*)$/m.exec(remedy)?.[1];
  if (master !== undefined) mail.overrides = { ...mail.overrides, postscreen_access_list: master };
  for (const [, name = '', value = ''] of remedy.matchAll(/^ {4,}(SCREENPASS_[A-Z_]+): (.*)$/gm))
    patient.env = { ...patient.env, [name]: value };
  if (/docker compose logs mailserver/.test(remedy)) mail.reload = 'works';
  if (/postconf -M 'smtp\/inet=smtp inet n - n - 1 postscreen'/.test(remedy)) mail.wiring = 'wired';
  if (/^ {8}ENABLE_DNSBL: '1'$/m.test(remedy)) {
    const { postscreen_dnsbl_sites: _, ...others } = mail.overrides;
    mail.overrides = others;
    mail.parameters = { ...mail.parameters, postscreen_dnsbl_sites: 'zen.spamhaus.org*3' };
  }
  if (/^ {8}POSTSCREEN_ACTION: enforce$/m.test(remedy)) {
    const actions = { postscreen_dnsbl_action: 'enforce', postscreen_greet_action: 'enforce' };
    mail.parameters = { ...mail.parameters, ...actions };
  }
  await takeRulesAway(patient, remedy);
  mail.idle();
}

/** Does what it says in place of the line: here, files alone can be repaired. */
export async function repair(patient: Patient, remedy: string): Promise<void> {
  const [, repairs = ''] =
    /^Either (.*), then docker exec mailserver postfix reload; or do without:$/m.exec(remedy) ?? [];
  const file = (path: string) => join(patient.folder, basename(path));
  for (const [, path = ''] of repairs.matchAll(/restore cidr:(\S+)/g)) await writeFile(file(path), '');
  for (const [, word = '', path = ''] of repairs.matchAll(/in place of "([^"]*)" in cidr:(\S+)/g))
    await writeFile(file(path), (await readFile(file(path), 'utf8')).replaceAll(` ${word}`, ' dunno '));
  await takeRulesAway(patient, remedy);
  patient.mail.idle();
}

async function takeRulesAway(patient: Patient, remedy: string): Promise<void> {
  const [, rules = ''] =
    /^Take away (.*), then docker exec mailserver postfix reload; or /m.exec(remedy) ?? [];
  for (const [, path = ''] of rules.matchAll(/(?:screenpass in |its rule in cidr:)(\S+)/g))
    await withoutRules(join(patient.folder, basename(path)));
}

/** Without those above the block that hold the first address of the opened network. */
async function withoutRules(file: string): Promise<void> {
  const client = parseAddress('54.240.0.0');
  if (client === undefined) throw new Error();
  const [above = '', ...block] = (await readFile(file, 'utf8')).split(/^(?=# >>> screenpass)/m);
  const kept = above.split('\n').filter((line) => {
    const [pattern = ''] = line.split(' ');
    const network = parseNetwork(pattern);
    return pattern !== '0.0.0.0/0' && !(network.ok && contains(network.value, client));
  });
  await writeFile(file, [kept.join('\n'), ...block].join(''));
}
