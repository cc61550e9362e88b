import fc from 'fast-check';

/** An access list with the tables in it, for a Postfix whose table of screenpass permits 54.240.0.0/17. */
export interface RandomList {
  /** `OURS` is the item of the table of screenpass. */
  readonly items: readonly string[];
  /** Tables beside that one, by file name. One that is named and not here is missing. */
  readonly files: Readonly<Record<string, string>>;
  /** What stands above the block of screenpass in its table. */
  readonly above: string;
}

/** A client of the opened network, which is 54.240.0.0/17. */
export const CLIENT = '54.240.27.75';

const WORDS = ['permit_mynetworks', 'permit', 'reject', 'dunno', 'Permit_MyNetworks', 'REJECT', 'nonsense'];
const RESULTS = [
  ...['permit', 'reject', 'dunno', 'OK', 'PERMIT and more', 'reject 550 no', '550 no', 'dunno permit'],
  ...[
    'permit_mynetworks',
    'permit_mynetworks, permit',
    'cidr:/etc/other',
    'permit_mynetworks cidr:/etc/other',
  ],
];
const PATTERNS = ['0.0.0.0/0', '54.240.0.0/16', '54.240.27.75', '198.51.100.0/24', '54.240.27.75/16'];
/** The names of the tables beside that of screenpass. */
export const FILES = ['one.cidr', 'two.cidr', 'three.cidr'];

const rule = fc
  .tuple(fc.constantFrom(...PATTERNS), fc.constantFrom(...RESULTS))
  .map((pair) => pair.join(' '));
const text = fc.array(rule, { maxLength: 2 }).map((rules) => rules.map((one) => `${one}\n`).join(''));
const item = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(...WORDS) },
  { weight: 4, arbitrary: fc.constantFrom(...FILES).map((name) => `FILE ${name}`) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'static:permit',
      'static:dunno',
      'static:OK',
      'hash:/etc/postfix/own',
      'nodb:/x',
    ),
  },
);

/** `directory` holds the tables as Postfix sees them, and `ours` is the item of the table of screenpass. */
export function randomList(directory: string, ours: string): fc.Arbitrary<RandomList> {
  const files = fc.dictionary(fc.constantFrom(...FILES), text, { noNullPrototype: true });
  return fc
    .record({
      front: fc.array(item, { maxLength: 3 }),
      behind: fc.array(item, { maxLength: 2 }),
      files,
      above: fc.oneof({ weight: 4, arbitrary: fc.constant('') }, text),
    })
    .map(({ front, behind, files, above }) => ({
      items: [...front, ours, ...behind].map((one) => one.replace(/^FILE /, `cidr:${directory}/`)),
      files,
      above,
    }));
}

/** A rule for the one client: it may be meant, and a sample of the network does not meet it. */
export function isAboutOne({ files, above }: RandomList): boolean {
  return `${above}${Object.values(files).join('')}`.includes(`${CLIENT} `);
}
