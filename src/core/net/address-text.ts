// Reads the text of an address as numbers, without garbage. The values are made in network.ts.
const DOT = 46;
const COLON = 58;
const ZERO = 48;
const NINE = 57;

/** The groups of the address that is being read, so that reading makes no garbage. */
const groups = new Uint16Array(8);

/**
 * The 32-bit number of an IPv4 address in four decimal parts without leading zeros, from `from` to the end of the
 * text; -1 when that is none.
 */
export function readQuad(text: string, from = 0): number {
  let word = 0;
  let part = -1;
  let dots = 0;
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === DOT) {
      if (part < 0 || dots === 3) return -1;
      word = word * 256 + part;
      part = -1;
      dots += 1;
    } else {
      if (code < ZERO || code > NINE || part === 0) return -1;
      part = Math.max(part, 0) * 10 + code - ZERO;
      if (part > 255) return -1;
    }
  }
  return part < 0 || dots < 3 ? -1 : word * 256 + part;
}

/**
 * The 32-bit words, high first, of an IPv6 address in one of the three forms of RFC 4291 section 2.2; undefined when
 * the text is none. Zone ids are no part of an address.
 */
export function readHexGroups(text: string): readonly [number, number, number, number] | undefined {
  const { length } = text;
  const beginsWithGap = text.charCodeAt(0) === COLON && text.charCodeAt(1) === COLON;
  let at = beginsWithGap ? 2 : 0;
  // How many groups were read, and how many of them precede `::`.
  let count = 0;
  let gap = beginsWithGap ? 0 : -1;
  while (at < length) {
    const start = at;
    let group = 0;
    let code = 0;
    for (; at < length; at += 1) {
      code = text.charCodeAt(at);
      const digit = hexDigit(code);
      if (digit < 0) break;
      group = group * 16 + digit;
    }
    if (at === start || at > start + 4 || count === 8) return undefined;
    if (code === DOT) {
      const quad = readQuad(text, start);
      if (quad < 0 || count > 6) return undefined;
      groups[count] = quad >>> 16;
      groups[count + 1] = quad & 0xffff;
      count += 2;
      break;
    }
    groups[count] = group;
    count += 1;
    if (at === length) break;
    at += 1;
    if (code !== COLON || at === length) return undefined;
    if (text.charCodeAt(at) === COLON) {
      if (gap >= 0) return undefined;
      gap = count;
      at += 1;
    }
  }
  // `::` stands for one group at least.
  if (gap < 0 ? count !== 8 : count === 8) return undefined;
  if (gap >= 0) openGap(gap, count);
  return [wordAt(0), wordAt(2), wordAt(4), wordAt(6)];
}

/** Moves the groups from `gap` on to the end, and puts zeros in between. By hand: copyWithin takes longer. */
function openGap(gap: number, count: number): void {
  const missing = 8 - count;
  for (let to = 7; to >= gap; to -= 1) groups[to] = to - missing >= gap ? (groups[to - missing] ?? 0) : 0;
}

function wordAt(group: number): number {
  return (groups[group] ?? 0) * 0x10000 + (groups[group + 1] ?? 0);
}

/** -1 for anything else. */
function hexDigit(code: number): number {
  if (code >= ZERO && code <= NINE) return code - ZERO;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
