import type { MailContainer } from '../ports.ts';
import { formatAddress, parseAddress } from './network.ts';

/** The label that `service=NAME` or `label=KEY=VALUE` asks for; undefined: the text is a name or an id. */
export function labelOf(wanted: string): string | undefined {
  const [, service, label = service && `com.docker.compose.service=${service}`] =
    /^(?:service=(.+)|label=(.+))$/.exec(wanted) ?? [];
  return label;
}

/** What the Engine tells of one container, as far as it is looked at. Podman leaves fields out. */
interface Inspected {
  readonly Id: string;
  readonly State: { readonly StartedAt: string };
  readonly Config: { readonly Tty?: boolean };
  readonly HostConfig?: { readonly LogConfig?: { readonly Type: string } | undefined };
  readonly NetworkSettings?: { readonly Networks?: Readonly<Record<string, Place>> };
  readonly Mounts?: readonly { readonly Destination: string }[];
}

interface Place {
  readonly Gateway?: string;
  readonly IPv6Gateway?: string;
  readonly IPAddress?: string;
  readonly IPPrefixLen?: number;
  readonly GlobalIPv6Address?: string;
  readonly GlobalIPv6PrefixLen?: number;
}

export function describe(info: Inspected): MailContainer {
  const places = Object.values(info.NetworkSettings?.Networks ?? {});
  const gateways = places.flatMap((network) => [network?.Gateway, network?.IPv6Gateway]);
  const networks = places.flatMap((network) => [
    ...(network?.IPAddress ? [`${network.IPAddress}/${network.IPPrefixLen}`] : []),
    ...(network?.GlobalIPv6Address ? [`${network.GlobalIPv6Address}/${network.GlobalIPv6PrefixLen}`] : []),
  ]);
  return {
    id: info.Id,
    run: `${info.Id} ${info.State.StartedAt}`,
    tty: info.Config.Tty === true,
    logDriver: info.HostConfig?.LogConfig?.Type ?? 'unknown',
    networks,
    gateways: gateways.flatMap((text) => {
      const address = parseAddress(text ?? '');
      return address === undefined ? [] : [formatAddress(address)];
    }),
    mounts: (info.Mounts ?? []).map(({ Destination }) => Destination),
  };
}
