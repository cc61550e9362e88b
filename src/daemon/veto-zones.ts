// Asks the zones of SCREENPASS_VETO_DNSBL about one address, and keeps the fault of each zone that does not answer. Which
// addresses they are asked about is decided in veto-watch.ts.

import { type Address, formatAddress } from '../core/net/network.ts';
import { askVetoes, silence, TEST_ENTRIES, type VetoAnswer } from '../core/policy/veto-answer.ts';
import type { Ports } from '../ports.ts';
import { inTime } from './in-time.ts';
import type { FaultMonitor } from './writer/fault-monitor.ts';

const DEADLINE_MS = 30_000;
/** One silence is not worth an alert: the next try comes within a minute. */
const GRACE_MS = 50_000;

const REMEDY =
  'Run docker exec screenpass screenpass doctor and look at its check veto: does SCREENPASS_DNS reach the zone, and may it ask it?';

export class VetoZones {
  readonly #ports: Pick<Ports, 'clock' | 'resolver'>;
  readonly #zones: ReadonlySet<string>;
  readonly #faults: FaultMonitor;
  readonly #signal: AbortSignal;

  constructor(
    ports: Pick<Ports, 'clock' | 'resolver'>,
    zones: ReadonlySet<string>,
    faults: FaultMonitor,
    signal: AbortSignal,
  ) {
    this.#ports = ports;
    this.#zones = zones;
    this.#faults = faults;
    this.#signal = signal;
  }

  get size(): number {
    return this.#zones.size;
  }

  /** Null: the signal aborted. Never rejects: a zone that does not answer is a fault. */
  async ask(address: Address): Promise<VetoAnswer | null> {
    const { clock, resolver } = this.#ports;
    const asked = askVetoes(address, this.#zones, resolver);
    const answer = await inTime(clock, DEADLINE_MS, this.#signal, asked, silence(this.#zones));
    if (this.#signal.aborted) return null;
    this.#judge(answer, formatAddress(address));
    return answer;
  }

  /** Asks for the test entry when a zone did not answer and no question concerns it any more. */
  async askSilent(): Promise<void> {
    const silent = [...this.#zones].flatMap((zone) => this.#faults.lasting('veto-unanswered', zone) ?? []);
    const now = this.#ports.clock.now();
    if (silent.some(({ triedAt }) => Math.abs(now - triedAt) >= GRACE_MS))
      await this.ask(TEST_ENTRIES.listed);
  }

  #judge({ looks }: VetoAnswer, asked: string): void {
    for (const [zone, look] of looks) {
      if (look.kind !== 'fault') this.#faults.ended('veto-unanswered', zone);
      else {
        const { reason } = look;
        const facts = { zone, reason: `asked about ${asked}: ${reason}`, remedy: REMEDY };
        this.#faults.failed({ kind: 'veto-unanswered', subject: zone, reason, facts, graceMs: GRACE_MS });
      }
    }
  }
}
