import type { Zone } from './dns-zone.ts';

/** Salesforce sends from here, and no list of ours has it. */
export const SALESFORCE_ADDRESS = '13.110.14.214';

/** Salesforce lists no addresses: its DNS is asked about each one (`exists`, RFC 7208 section 5.7). */
export const SALESFORCE_ZONE: Zone = {
  '_spf.salesforce.com': { TXT: ['v=spf1 exists:%{i}._spf.mta.salesforce.com -all'] },
  [`${SALESFORCE_ADDRESS}._spf.mta.salesforce.com`]: { A: ['127.0.0.2'] },
};
