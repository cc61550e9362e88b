/** The "what if" options of `replay`: other settings of postscreen, under which old sessions are judged again. */

import { type DnsblSite, parseSites, parseZone } from '../postscreen/dnsbl-sites.ts';

export interface OtherSettings {
  /** postscreen_dnsbl_threshold; null: as it was. */
  readonly threshold: number | null;
  /** postscreen_dnsbl_sites; null: as they were. */
  readonly sites: readonly DnsblSite[] | null;
  /** Zones that are not asked, in lower case. */
  readonly without: ReadonlySet<string>;
  /** postscreen_greet_action = ignore. */
  readonly ignorePregreet: boolean;
}

/** The options of `replay`, as they were given. */
export interface GivenSettings {
  readonly dnsblThreshold?: string;
  readonly dnsblSites?: string;
  readonly withoutDnsbl?: readonly string[];
  readonly pregreet?: string;
}

/** Reads them; null: none was given. The problems come all at once. */
export function readOtherSettings(
  given: GivenSettings,
):
  | { readonly ok: true; readonly settings: OtherSettings | null }
  | { readonly ok: false; readonly problems: readonly string[] } {
  const { dnsblThreshold, dnsblSites, withoutDnsbl = [], pregreet } = given;
  const sites = dnsblSites === undefined ? undefined : parseSites(dnsblSites);
  const without = withoutDnsbl.map(parseZone);
  const problems = [
    dnsblThreshold === undefined || /^0*[1-9]\d{0,8}$/.test(dnsblThreshold)
      ? []
      : [`--dnsbl-threshold: "${dnsblThreshold}": expected a whole number from 1 on`],
    sites?.ok === false ? sites.problem.split('\n').map((problem) => `--dnsbl-sites: ${problem}`) : [],
    without.flatMap((zone) => (zone.ok ? [] : [`--without-dnsbl: ${zone.problem}`])),
    pregreet === undefined || pregreet === 'ignore' ? [] : [`--pregreet: "${pregreet}": expected ignore`],
  ].flat();
  if (problems.length > 0) return { ok: false, problems };
  if (Object.keys(given).length === 0) return { ok: true, settings: null };
  return {
    ok: true,
    settings: {
      threshold: dnsblThreshold === undefined ? null : Number(dnsblThreshold),
      sites: sites?.ok === true ? sites.value : null,
      without: new Set(without.flatMap((zone) => (zone.ok ? [zone.value] : []))),
      ignorePregreet: pregreet === 'ignore',
    },
  };
}
