// Reads the operator's senders file (YAML) and applies it to the catalogue. What its fields may hold is in senders-schema.ts.
import {
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Pair,
  type ParsedNode,
  parseDocument,
  visit,
  type YAMLError,
} from 'yaml';
import { safeText } from '../core/base/safe-text.ts';
import type { SenderDefinition } from '../core/senders/sender.ts';
import { type Complaint, readSenderEdits, type SenderEdit } from './senders-schema.ts';

const MOST_BYTES = 1_048_576;
/** Three times what the whole catalogue takes. In a hostile file each can cost the reader 20 µs and 1 KB. */
const MOST_TOKENS = 50_000;
/** More than anybody reads, as when another file was mounted by mistake. */
const MOST_PROBLEMS = 100;
const LONGEST_PROBLEM = 400;
/** The library calls itself for each list in a list: V8 ends the process when the stack is full. Ten are too many as well. */
const MOST_NESTED = 32;
const ENDLESS = 'nested without end; expected a list of senders';
/** In columns; each level takes one at least. */
const DEEPEST_INDENT = 200;
/** A network is an item (4) of a field (3) of a sender (2) of the list (1) in the file. */
const DEEPEST = 4;

/** It is not known when the operator's networks were last in use. */
const OWN = { source: 'your senders file', seen: 'undated' } as const;

interface Problem {
  readonly line: number;
  readonly text: string;
}

/**
 * The catalogue with the edits of the operator's senders file (YAML 1.2) applied: in its order, then the new senders.
 * `file` is its name for the problems, which come all at once as `FILE:LINE: FIELD: what was given; what was
 * expected`. Where the text is no YAML, only that is said. Never throws, and takes a second or two at most.
 */
export function readSendersFile(
  text: string,
  file: string,
  catalogue: readonly SenderDefinition[],
):
  | { readonly ok: true; readonly senders: readonly SenderDefinition[] }
  | { readonly ok: false; readonly problems: readonly string[] } {
  const yaml = readYaml(text);
  if (!yaml.ok) return { ok: false, problems: report(yaml.problems, file) };
  const { data, lines, problems: repeated } = yaml;
  const read = readSenderEdits(data, catalogue);
  const complaints = read.ok ? [] : read.complaints;
  const wrong = complaints.map(({ path, problem }) => located(lineOf(path, lines), path, problem));
  const problems = [...repeated, ...wrong];
  if (!read.ok || problems.length > 0) return { ok: false, problems: report(problems, file) };
  return { ok: true, senders: applyEdits(catalogue, read.edits) };
}

/** What the text holds; `lines` has the line of each place in it, and `problems` the fields that are given twice. */
interface Content {
  readonly data: unknown;
  readonly lines: ReadonlyMap<string, number>;
  readonly problems: readonly Problem[];
}

function readYaml(
  text: string,
): ({ readonly ok: true } & Content) | { readonly ok: false; readonly problems: readonly Problem[] } {
  const excess = excessOf(text);
  if (excess !== null) return { ok: false, problems: [{ line: 1, text: excess }] };
  const lineCounter = new LineCounter();
  const lineAt = (offset: number) => lineCounter.linePos(offset).line;
  // Unique keys are our own task: the library compares each with each. A schema of our choice binds %YAML 1.1 as well.
  const options = { uniqueKeys: false, stringKeys: true, schema: 'core', resolveKnownTags: false } as const;
  const document = parseDocument(text, { ...options, lineCounter, prettyErrors: false });
  const { errors, warnings } = document;
  const exhausted = errors.filter(({ code }) => code === 'RESOURCE_EXHAUSTION').slice(0, 1);
  // All other errors only follow from it.
  const reported = exhausted.length > 0 ? exhausted : [...errors, ...warnings];
  const faults = reported.map((error) => ({ line: lineAt(error.pos[0]), text: faultText(error) }));
  visit(document, {
    Alias(_key, { source, range }) {
      const given = `"*${source}": there are no aliases here; expected the text itself`;
      faults.push({ line: lineAt(range?.[0] ?? 0), text: given });
    },
  });
  if (faults.length > 0) return { ok: false, problems: faults };
  return { ok: true, ...readContent(document.contents, lineAt) };
}

/** Escapes count, since each can be an error of its own. */
function excessOf(text: string): string | null {
  const bytes = Buffer.byteLength(text);
  if (bytes > MOST_BYTES) return `${bytes} bytes; expected at most ${MOST_BYTES}`;
  let tokens = 0;
  for (const token of new Lexer().lex(text)) {
    tokens += token.split('\\').length;
    if (tokens > MOST_TOKENS)
      return `more than ${MOST_TOKENS} words and signs; expected fewer: some 8000 networks`;
  }
  return isNestedDeep(text) ? ENDLESS : null;
}

/** Brackets that are open, and signs of lists on one line; what is in quotes counts as well, which no sender has. */
function isNestedDeep(text: string): boolean {
  let open = 0;
  let most = 0;
  for (const sign of text) {
    if (sign === '[' || sign === '{') open += 1;
    if (sign === ']' || sign === '}') open = Math.max(0, open - 1);
    most = Math.max(most, open);
  }
  const isDeepLine = (line: string) =>
    (/^[\s?:-]*/.exec(line)?.[0].replace(/\s+/g, '').length ?? 0) > MOST_NESTED ||
    (/^ */.exec(line)?.[0].length ?? 0) > DEEPEST_INDENT;
  return most > MOST_NESTED || text.split('\n').some(isDeepLine);
}

function faultText({ code, message }: YAMLError): string {
  switch (code) {
    case 'MULTIPLE_DOCS':
      return 'a second document begins; expected one';
    case 'RESOURCE_EXHAUSTION':
      return ENDLESS;
    case 'NON_STRING_KEY':
      return 'not the name of a field; expected text before the colon';
    case 'TAG_RESOLVE_FAILED':
      return `${message}; expected no tag`;
    default:
      return `not YAML: ${message}`;
  }
}

type Path = Complaint['path'];

function readContent(root: ParsedNode | null, lineAt: (offset: number) => number): Content {
  const lines = new Map<string, number>();
  const problems: Problem[] = [];

  /** The place of an item is where it begins, of a field where its name does. */
  function read(node: ParsedNode | null, path: Path, place: number): unknown {
    lines.set(pathText(path), lineAt(place));
    if (node === null || isScalar(node)) return node?.value ?? null;
    // What is deeper belongs to a field of the wrong form.
    const deepest = path.length === DEEPEST;
    if (isSeq<ParsedNode>(node))
      return deepest ? [] : node.items.map((item, i) => read(item, [...path, i], item.range[0]));
    return isMap<ParsedNode, ParsedNode | null>(node) && !deepest ? readFields(node.items, path) : {};
  }

  function readFields(pairs: readonly Pair<ParsedNode, ParsedNode | null>[], path: Path): unknown {
    const fields = new Map<string, unknown>();
    for (const { key, value } of pairs) {
      const field = [...path, String(key)];
      const first = lines.get(pathText(field));
      const again = `given twice, first in line ${first}; expected once`;
      if (first === undefined) fields.set(String(key), read(value, field, key.range[0]));
      else problems.push(located(lineAt(key.range[0]), field, again));
    }
    return Object.fromEntries(fields);
  }

  return { data: read(root, [], root?.range[0] ?? 0), lines, problems };
}

function applyEdits(
  catalogue: readonly SenderDefinition[],
  edits: readonly SenderEdit[],
): readonly SenderDefinition[] {
  const byId = new Map(edits.map((edit) => [edit.id, edit]));
  const known = catalogue.flatMap((sender) => {
    const edit = byId.get(sender.id);
    if (edit === undefined) return [sender];
    return edit.enabled === false ? [] : [edited(sender, edit)];
  });
  const fresh = edits.filter(({ id }) => catalogue.every((sender) => sender.id !== id));
  return [...known, ...fresh.map((edit) => edited(blank(edit.id), edit))];
}

function blank(id: string): SenderDefinition {
  return {
    id,
    name: id,
    category: 'custom',
    default: true,
    confidence: 'low',
    ...OWN,
    spf: [],
    rdns: [],
    unlistable: false,
    incomplete: false,
    networks: [],
    pinned: false,
  };
}

function edited(sender: SenderDefinition, edit: SenderEdit): SenderDefinition {
  const { spf = sender.spf, rdns = sender.rdns, networks } = edit;
  // The bundled networks measure the bundled records only, and the operator's are used beside the records.
  const measured = edit.spf === undefined && networks === undefined;
  return {
    ...sender,
    name: edit.name ?? sender.name,
    category: edit.category ?? sender.category,
    default: edit.enabled ?? sender.default,
    confidence: measured ? sender.confidence : 'low',
    spf,
    rdns,
    // The operator names them so that they count.
    incomplete: edit.rdns === undefined ? sender.incomplete : edit.rdns.length > 0,
    ...(networks === undefined ? {} : { networks, pinned: true, ...OWN }),
  };
}

function located(line: number, path: Path, problem: string): Problem {
  return { line, text: path.length === 0 ? problem : `${pathText(path)}: ${problem}` };
}

/** The line of the place, or of what it is missing in. */
function lineOf(path: Path, lines: Content['lines']): number {
  return lines.get(pathText(path)) ?? (path.length === 0 ? 1 : lineOf(path.slice(0, -1), lines));
}

/** Such as `senders[1].networks[0]`. */
function pathText(path: Path): string {
  const text = path.map((step) => {
    if (typeof step === 'number') return `[${step}]`;
    return /^[\w-]+$/.test(String(step)) ? `.${String(step)}` : `[${JSON.stringify(step)}]`;
  });
  return text.join('').replace(/^\./, '');
}

/** In the order of lines, each problem one line. */
function report(problems: readonly Problem[], file: string): readonly string[] {
  const sorted = [...problems].sort((a, b) => a.line - b.line);
  const shown = sorted.slice(0, MOST_PROBLEMS).map(({ line, text }) => `${file}:${line}: ${shortened(text)}`);
  const rest = problems.length - shown.length;
  return rest === 0 ? shown : [...shown, `${file}: and ${rest} more problems`];
}

/** What was given can be long, and can hold control characters that a terminal obeys. */
function shortened(text: string): string {
  const half = LONGEST_PROBLEM / 2;
  const short = text.length > LONGEST_PROBLEM ? `${text.slice(0, half)} ... ${text.slice(-half)}` : text;
  return safeText(short);
}
