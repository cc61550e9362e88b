// Reads DNS servers from a setting or an option. The system's servers are found by the edge.
import { ok, problem, type Result } from '../base/result.ts';
import { parseAddress } from '../net/network.ts';

const EXPECTED = 'expected ADDRESS or ADDRESS:PORT, such as 9.9.9.9, 127.0.0.1:5353 or [2620:fe::fe]:53';

/**
 * Reads DNS servers, separated by commas or blanks: `ADDRESS`, `ADDRESS:PORT`, `[IPv6]`, `[IPv6]:PORT`; without a
 * port it is 53. `system` alone gives the empty list, which stands for the system's own servers. The problem names
 * each item that is wrong. Host names are refused: to find their addresses a server would be needed first.
 */
export function parseServers(text: string): Result<readonly string[]> {
  const items = text.split(/[\s,]+/).filter((item) => item !== '');
  if (items.length === 0) return problem(`no DNS server is named: ${EXPECTED}`);
  if (items.length === 1 && items[0] === 'system') return ok([]);
  const problems = items.map(serverProblem).filter((found) => found !== undefined);
  return problems.length > 0 ? problem(problems.join('; ')) : ok(items);
}

function serverProblem(item: string): string | undefined {
  const { host, port } = split(item);
  if (host.includes('%')) {
    return `"${item}": an address with a zone (${host.slice(host.indexOf('%'))}) cannot be used as DNS server`;
  }
  if (parseAddress(host) === undefined) {
    return /^[\w.-]+$/.test(host) && /[A-Za-z]/.test(host)
      ? `"${item}" is a name, and a DNS server must be given by its address: ${EXPECTED}`
      : `"${item}" is not a DNS server: ${EXPECTED}`;
  }
  // Node 20 ends the whole process on port 0, and takes 65536 for 0.
  const valid = port === undefined || (/^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535);
  return valid ? undefined : `"${item}": the port must be from 1 to 65535`;
}

/** Brackets only around IPv6; a bare IPv6 address has no port. */
function split(item: string): { host: string; port: string | undefined } {
  const [, six, sixPort] = /^\[([^\]]*)\](?::(.*))?$/.exec(item) ?? [];
  if (six?.includes(':')) return { host: six, port: sixPort };
  const [, four, fourPort] = /^([^:/]*):([^:/]*)$/.exec(item) ?? [];
  return four === undefined ? { host: item, port: undefined } : { host: four, port: fourPort };
}

/** Which servers are asked, in a sentence; empty: the system's. */
export function serversText(servers: readonly string[]): string {
  if (servers.length === 0) return "the system's DNS server";
  return `the DNS server${servers.length === 1 ? '' : 's'} ${servers.join(', ')}`;
}
