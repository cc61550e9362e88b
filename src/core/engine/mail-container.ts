/** What the Engine says about the mail container, the calls that screenpass makes, and remedies for an Engine that refuses them. */

import { formatAddress, parseAddress } from '../net/network.ts';

/** Missing and stopped are answers; no answer is an EngineError. */
export type Inspection =
  | { readonly kind: 'running'; readonly container: MailContainer }
  | { readonly kind: 'stopped'; readonly container: MailContainer }
  | { readonly kind: 'missing'; readonly name: string };

export interface MailContainer {
  readonly id: string;
  /** Id and time of start: another one after each restart. */
  readonly run: string;
  /** Raw stream instead of frames. */
  readonly tty: boolean;
  readonly logDriver: string;
  /** CIDRs of the Engine networks that the container is in, as the Engine writes them (host bits set). */
  readonly networks: readonly string[];
  /** Addresses of the Engine in those networks, canonical: what it forwards without the client's address comes from these. */
  readonly gateways: readonly string[];
  /** Paths inside the container that are mounts of their own. */
  readonly mounts: readonly string[];
}

/**
 * Why the Engine did not do what it was asked. `unreachable`: no answer. `denied`: our own permission or a socket
 * proxy. `unreadable-log`: the log driver keeps nothing to read. `failed`: the Engine's own error.
 */
export type EngineErrorKind = 'unreachable' | 'denied' | 'unreadable-log' | 'failed';

export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The calls of the Engine API that screenpass makes. */
export type EngineCall =
  | 'GET /containers/json'
  | 'GET /containers/{id}/json'
  | 'GET /containers/{id}/logs'
  | 'POST /containers/{id}/exec'
  | 'POST /exec/{id}/start'
  | 'GET /exec/{id}/json';

/** The label that `service=NAME` or `label=KEY=VALUE` asks for; undefined: the text is a name or an id. */
export function labelOf(wanted: string): string | undefined {
  const [, service, label = service && `com.docker.compose.service=${service}`] =
    /^(?:service=(.+)|label=(.+))$/.exec(wanted) ?? [];
  return label;
}

/** What the Engine says about one container, as far as it is used. Podman leaves fields out. */
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

export const GRANT =
  'Give screenpass access to the Engine socket (root or its group), or allow the call in the socket proxy';

/** For when no command may be run in the mail container. */
export function onlyObserving(refusal: string): string {
  return `${refusal}. Until it is allowed, screenpass reports refusals and does not change the table. ${GRANT}`;
}

export function readableDriver(driver: string): string {
  return `Its log driver is "${driver}": use json-file, local or journald for the mail container`;
}

export function rightName(container: string): string {
  return `Set SCREENPASS_CONTAINER to its name, not "${container}"`;
}
