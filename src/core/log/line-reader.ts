/**
 * Reads the lines of a log while they are bytes: the header, by which it finds the program, and the first of the program's
 * forms that the message has. Nothing becomes text here; postfix-event.ts makes an event of what was read.
 */
import { type Form, formsOf, hasField, isOfForm, newScan, type Scan, SLOT } from './line-form.ts';
import { skipHeader, Tags } from './line-header.ts';
import { PARTS } from './line-parts.ts';
import { ANY_POSTFIX, type EventKind, FILTERS, POSTFIX } from './line-table.ts';
import { postfixProgram } from './log-line.ts';

/** `blocked`: a line of a program that is not Postfix's. */
type LineKind = EventKind | 'blocked';

/** A form of the table; there is one object for each. */
export interface LineForm extends Form<LineKind> {
  /** Counted from 0, for those that keep something for each. */
  readonly index: number;
  /** The daemon makes nothing of such a line. */
  readonly isIdle: boolean;
}

export interface LineReader {
  /**
   * Reads the line that is `bytes` from `from` up to `to`, without its line end. Undefined: it is none of Postfix or of a
   * program that refuses mail. Any bytes are read in time linear to their length; nothing throws.
   */
  read(bytes: Buffer, from: number, to: number): LineForm | undefined;
  /** The line that was read last, valid until the next one is. */
  readonly line: Readonly<Scan>;
  /** Whether that line has a header, of whatever program. */
  readonly hasHeader: boolean;
}

/** The forms of a program, by the first byte of a message; the last ones are for an empty message. */
type Forms = readonly (readonly LineForm[])[];

const EMPTY_MESSAGE = 256;
let count = 0;
const ANY_FORMS = compile(ANY_POSTFIX, false);
const ANY = byFirstByte(ANY_FORMS);
const BY_PROGRAM = new Map(
  Object.entries(POSTFIX).map(([program, rows]) => {
    // What postscreen says in words that are not known is counted.
    const rest = program === 'postscreen' ? compile(ANY_POSTFIX, true) : ANY_FORMS;
    return [program, byFirstByte([...compile(rows, false), ...rest])];
  }),
);
const BY_TAG = new Map(Object.entries(FILTERS).map(([tag, rows]) => [tag, byFirstByte(compile(rows, true))]));

function compile(rows: readonly (readonly [LineKind, string])[], isUsed: boolean): readonly LineForm[] {
  return rows
    .flatMap(([kind, text]) => formsOf(kind, text, PARTS))
    .map((form) => ({
      ...form,
      index: count++,
      isIdle: !isUsed && form.kind === 'other' && !hasField(form, 'text'),
    }));
}

function byFirstByte(forms: readonly LineForm[]): Forms {
  return Array.from({ length: EMPTY_MESSAGE + 1 }, (_, byte) =>
    forms.filter(({ begin }) => begin.length === 0 || begin[0] === byte),
  );
}

/** What a tag says of its lines. */
interface Origin {
  /** Undefined: they say nothing of interest. */
  readonly forms: Forms | undefined;
  /** Where the name of the program begins in it. */
  readonly programAt: number;
}

function originOf(tag: string): Origin {
  const program = postfixProgram(tag);
  const forms = program === undefined ? BY_TAG.get(tag) : (BY_PROGRAM.get(program) ?? ANY);
  return { forms, programAt: tag.length - (program ?? tag).length };
}

export function createLineReader(): LineReader {
  const line = newScan();
  const tags = new Tags(originOf);
  let hasHeader = false;
  return {
    line,
    get hasHeader() {
      return hasHeader;
    },
    read(bytes, from, to) {
      line.bytes = bytes;
      line.at = from;
      line.end = to;
      const tag = skipHeader(line, tags);
      hasHeader = tag !== undefined;
      if (tag?.meaning.forms === undefined) return undefined;
      const { forms, programAt } = tag.meaning;
      line.spans[PROGRAM_AT] = (line.spans[PROGRAM_AT] as number) + programAt;
      const isPlain = line.spans[STAMP_AT] !== -1 && line.tag !== -1;
      const { at } = line;
      line.body = at;
      for (const form of forms[at < to ? (bytes[at] as number) : EMPTY_MESSAGE] ?? []) {
        line.at = at;
        line.isPlain = isPlain;
        if (isOfForm(line, form)) return form;
      }
      return undefined;
    },
  };
}

const PROGRAM_AT = 2 * SLOT.program;
const STAMP_AT = 2 * SLOT.stamp;
