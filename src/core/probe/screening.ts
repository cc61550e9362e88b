import { ok, problem, type Result } from '../base/result.ts';
import { type OwnNetworks, readOwnNetworks } from '../postscreen/access-list.ts';
import { type DnsblSite, parseSites } from '../postscreen/dnsbl-sites.ts';
import {
  inetServices,
  listItems,
  NO_POSTSCREEN,
  override,
  type PostfixConfiguration,
} from '../postscreen/wiring.ts';

/** The parameters that `probe` asks for, beside the access list. The last is the older name of the one before. */
export const PROBED = [
  'postscreen_dnsbl_sites',
  'postscreen_dnsbl_threshold',
  'postscreen_dnsbl_action',
  'postscreen_denylist_action',
  'postscreen_blacklist_action',
] as const;

/** What decides whom postscreen refuses before a client says anything. */
export interface Screening {
  /** Of master.cf. */
  readonly service: string;
  readonly accessList: readonly string[];
  readonly ownNetworks: OwnNetworks;
  /** postscreen_denylist_action: whether a `reject` of the access list refuses. */
  readonly rejects: boolean;
  /** postscreen_dnsbl_action, as it stands there. */
  readonly action: string;
  /** Those that can refuse somebody: none with the action `ignore`. */
  readonly sites: readonly DnsblSite[];
  readonly threshold: number;
}

/**
 * The settings of the postscreen service on port 25, or of the first one when none is there; those of master.cf beat
 * those of main.cf. `settings`: values of PROBED, without those that this Postfix does not know.
 */
export function readScreening(
  postfix: PostfixConfiguration,
  settings: Readonly<Record<string, string>>,
): Result<Screening> {
  const all = inetServices(postfix.services).filter(({ program }) => program === 'postscreen');
  const service = (all.find(({ name }) => /(?:^|:)(?:smtp|25)$/.test(name)) ?? all[0])?.name;
  if (service === undefined) return problem(`${NO_POSTSCREEN.reason}: screenpass doctor says more`);
  const own = (name: string) => override(postfix.overrides, service, name);
  const value = (name: string) => own(name) ?? settings[name];

  const action = value('postscreen_dnsbl_action') ?? '';
  const denylist = value('postscreen_denylist_action') ?? value('postscreen_blacklist_action') ?? '';
  for (const one of [action, denylist])
    if (!ACTIONS.includes(one)) return problem(`"${one}" is no action of postscreen: ${ASK}`);
  const threshold = value('postscreen_dnsbl_threshold') ?? '';
  if (!/^\d{1,9}$/.test(threshold))
    return problem(`postscreen_dnsbl_threshold is "${threshold}", and no number: ${ASK}`);
  const sites = parseSites(value('postscreen_dnsbl_sites') ?? '');
  if (!sites.ok) return problem(`postscreen_dnsbl_sites: ${sites.problem}: ${ASK}`);
  return ok({
    service,
    accessList: listItems(own('postscreen_access_list') ?? postfix.accessList),
    ownNetworks: readOwnNetworks(own('mynetworks') ?? postfix.mynetworks),
    rejects: denylist !== 'ignore',
    action,
    sites: action === 'ignore' ? [] : sites.value,
    threshold: Number(threshold),
  });
}

const ACTIONS: readonly string[] = ['ignore', 'enforce', 'drop'];
const ASK = 'docker exec mailserver postconf -n shows what is set';
