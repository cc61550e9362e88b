import type { Report } from '../../src/ports.ts';

/** Says nothing. */
export const SILENT: Report = { alert() {}, error() {}, info() {}, debug() {}, flushed: async () => {} };
