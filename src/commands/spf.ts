// The command spf: the result of check_host for one client.
import { counted } from '../core/base/wording.ts';
import type { Address } from '../core/net/network.ts';
import { checkHost } from '../core/spf/spf-check.ts';
import { createResolver } from '../edge/dns.ts';
import { print } from './output.ts';

/** What SPF is asked, as the client of a mail server gives it. */
export interface SpfArguments {
  readonly ip: Address;
  /** MAIL FROM: an address, a domain, or empty for the null sender. */
  readonly sender: string;
  readonly helo: string;
}

/**
 * Prints the result of check_host (RFC 7208 section 4) for the domain of MAIL FROM, or of HELO when the sender is
 * empty (section 2.4). Gives the exit code: 0 pass, 3 when DNS did not answer, else 1.
 */
export async function spf(
  { ip, sender, helo }: SpfArguments,
  options: { readonly json: boolean; readonly dnsServers: readonly string[] },
): Promise<0 | 1 | 3> {
  const domain = sender === '' ? helo : sender.slice(sender.lastIndexOf('@') + 1);
  const resolver = createResolver({ servers: options.dnsServers });
  const checked = await checkHost({ ip, domain, sender, helo, time: Date.now() / 1000 }, resolver);
  const { result, term, problem, explanation, lookups } = checked;
  const parts = [
    `${result}: ${domain}`,
    term && `by ${term}`,
    problem,
    explanation,
    counted(lookups, 'lookup'),
  ];
  const document = { result, domain, term, problem, explanation, lookups };
  print(document, options.json, () => `${parts.filter((part) => part).join('; ')}\n`);
  return result === 'pass' ? 0 : result === 'temperror' ? 3 : 1;
}
