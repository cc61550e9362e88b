import { type Address, parseAddress } from '../../src/core/net/network.ts';

/** An address that a test writes as text. */
export function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(`${text} is no address`);
  return parsed;
}
