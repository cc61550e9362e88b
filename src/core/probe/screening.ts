/** Reads from Postfix's settings what decides which clients postscreen refuses before they send anything. */

import { ok, problem, type Result } from '../base/result.ts';
import { type OwnNetworks, readOwnNetworks } from '../postscreen/access-list.ts';
import { type DnsblSite, parseSites } from '../postscreen/dnsbl-sites.ts';
import { accessLists, NO_POSTSCREEN, override, type PostfixConfiguration } from '../postscreen/wiring.ts';

/** The parameters that `probe` asks for, beside the access list. The last is the older name of the one before. */
export const PROBED = [
  'postscreen_dnsbl_sites',
  'postscreen_dnsbl_threshold',
  'postscreen_dnsbl_action',
  'postscreen_denylist_action',
  'postscreen_blacklist_action',
] as const;

export interface Screening {
  /** Of master.cf. */
  readonly service: string;
  readonly accessList: readonly string[];
  readonly ownNetworks: OwnNetworks;
  /** postscreen_denylist_action: whether a `reject` of the access list refuses. */
  readonly rejects: boolean;
  /** postscreen_dnsbl_action, as it is written there. */
  readonly action: string;
  /** Those that can refuse a client: none with the action `ignore`. */
  readonly sites: readonly DnsblSite[];
  readonly threshold: number;
}

/**
 * The settings of the postscreen service on port 25, or of the first one when none is there; those of master.cf override
 * those of main.cf. `settings`: values of PROBED, without those that this Postfix does not know.
 */
export function readScreening(
  postfix: PostfixConfiguration,
  settings: Readonly<Record<string, string>>,
): Result<Screening> {
  const lists = accessLists(postfix);
  const list = lists.find(({ service }) => /(?:^|:)(?:smtp|25)$/.test(service)) ?? lists[0];
  if (list === undefined) return problem(`${NO_POSTSCREEN.reason}: run screenpass doctor`);
  const value = (name: string) => override(postfix.overrides, list.service, name) ?? settings[name];

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
    service: list.service,
    accessList: list.items,
    ownNetworks: readOwnNetworks(list.mynetworks),
    rejects: denylist !== 'ignore',
    action,
    sites: action === 'ignore' ? [] : sites.value,
    threshold: Number(threshold),
  });
}

const ACTIONS: readonly string[] = ['ignore', 'enforce', 'drop'];
const ASK = 'docker exec mailserver postconf -n shows what is set';
