import type { Faults } from '../../src/core/watch/faults.ts';
import { createFaultMonitor, type FaultMonitor } from '../../src/daemon/writer/fault-monitor.ts';
import type { Clock, Report } from '../../src/ports.ts';

/** A monitor of its own, over no state. */
export function faultsOf(clock: Pick<Clock, 'now'>, report: Pick<Report, 'alert'>): FaultMonitor {
  let faults: Faults = [];
  return createFaultMonitor(clock, report, {
    read: () => faults,
    write: (next) => {
      faults = next;
    },
  });
}
