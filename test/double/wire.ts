// How the Engine writes times and log entries on the wire.

/** RFC 3339 in UTC with nine decimals, as the Engine stamps log entries. */
export function engineStamp(nanoseconds: bigint): string {
  const whole = new Date(Number(nanoseconds / 1_000_000n))
    .toISOString()
    .slice(0, 'YYYY-MM-DDTHH:MM:SS'.length);
  return `${whole}.${String(nanoseconds % 1_000_000_000n).padStart(9, '0')}Z`;
}

/** Frame types: 1 stdout, 2 stderr, 3 an error of the Engine itself in the middle of a stream. */
export function frame(type: 1 | 2 | 3, payload: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt8(type, 0);
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

/** `seconds` or `seconds.fraction`, as in the log request's `since`; undefined: not such a text. */
export function parseSince(text: string): bigint | undefined {
  const match = /^(\d{1,12})(?:\.(\d{1,9}))?$/.exec(text);
  if (match === null) return undefined;
  const [, seconds = '0', fraction = ''] = match;
  return BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
}
