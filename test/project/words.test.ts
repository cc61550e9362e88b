// The words of the project: what an administrator reads at midnight, and an engineer in a review, is plain English.
// This test finds words that the project does not use. It does not judge grammar.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..');

/**
 * What is not written, and what is written instead. A pattern must not match good English: it is better to miss a bad
 * word than to refuse a good one. `told` is allowed as a key (`.told`, `told:`), because the saved state has it.
 */
const WORDS: readonly (readonly [RegExp, string])[] = [
  [
    /(?<!\.)\btold\b(?!:)|\b(?:Told|[Tt]ells?|[Tt]elling)\b|[a-z]Tell/,
    'report, say, show, print, distinguish',
  ],
  [/\bstands?\b(?!-ins?\b| in for\b| for\b)|\bstood\b/i, 'is, be (or apply, remain, precede)'],
  [/\bmend(?:s|ed|ing)?\b/i, 'fix, repair'],
  [/\bput(?:s|ting)?(?: it| them| this| that)? right\b/i, 'fix'],
  [/\banew\b|afresh\b/i, 'again (or re-create, reload, new)'],
  [/\bfor ever\b/i, 'forever, permanently, without an end'],
  [/\bbeliev(?:e|es|ed|ing)\b/i, 'trust, accept (or assume)'],
  [/\bnobod(?:y|ies)\b/i, 'no sender, no client, no one; or say which part does not'],
  [/\b(?:is|are|all) well\b(?![ -](?:known|formed))/i, 'works, is healthy, no problem found'],
  [/\bdo(?:es)? what it is for\b/i, 'works'],
  [/\bslips? of the pen\b/i, 'typing error'],
  [/\bfor want of\b/i, 'because there is no, without'],
  [/\bby (?:the )?way of\b/i, 'through, by'],
  [/, too[.;:)]/i, 'also (before the verb)'],
  [/\bthe world (?:failed|did)\b/i, 'name what failed: the Engine, Postfix, DNS, a file'],
  [/\bsay(?:s|ing)? to be\b/i, 'claim to be'],
  [
    /\bwhom\b|\b(?:address|host|client|sender|server|machine|network|container|zone|daemon)(?:s|es)? who\b/i,
    'that, which',
  ],
  [/\bwho knows\b/i, 'unknown'],
  [/\bin hand\b/i, 'pending, current'],
  [
    /\b[Mm]ould\b|\b[Ww]ish\b|[Bb]ell\b|\bleftBy\b|\breadsAfresh\b/,
    'Template, AllowRequest, WakeSignal, drainStopped, isReload',
  ],
];

/** Names end in `ending`, all below `folder`. */
function below(folder: string, ending: string): readonly string[] {
  const names = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith(ending)).map((name) => join(folder, name));
}

const PAGES = ['README', 'CONTRIBUTING', 'CHANGELOG'].map((page) => `${page}.md`);
const FILES = [...PAGES, ...below('docs', '.md'), ...below('src', '.ts')];

/** A room of src is a folder; a page, or a file at the top of src, is a room of its own. */
function roomOf(file: string): string {
  const folder = dirname(file);
  return folder.startsWith('src/') ? folder : file;
}

/** CHANGELOG.md up to the end of its newest part: what was released stays as it was. */
function textOf(file: string): string {
  const text = readFileSync(join(ROOT, file), 'utf8');
  return file === 'CHANGELOG.md' ? text.split('\n## ').slice(0, 2).join('\n## ') : text;
}

/** Texts that old files contain, and that the code must therefore keep. */
const KEPT = ['does another list or rule stand above?'];

/** All findings in a text: the number of the line, the word, and what to write instead. */
function bannedIn(text: string): readonly string[] {
  const lines = KEPT.reduce((rest, kept) => rest.replaceAll(kept, ''), text).split('\n');
  return lines.flatMap((line, i) => {
    // A phrase may go on in the next line of a paragraph or a comment.
    const next = (lines[i + 1] ?? '').replace(/^\s*(?:\*|\/\/)?\s*/, '');
    const both = `${line} ${next}`;
    return WORDS.flatMap(([pattern, instead]) =>
      [...both.matchAll(new RegExp(pattern, `g${pattern.flags}`))]
        .filter(({ index }) => index < line.length)
        .map(([word]) => `${i + 1}: "${word}": write ${instead}`),
    );
  });
}

describe('words that the project does not use', () => {
  const rooms = [...new Set(FILES.map(roomOf))].sort();

  it.each(rooms)('are not in %s', (room) => {
    const files = FILES.filter((file) => roomOf(file) === room);
    const found = files.flatMap((file) => bannedIn(textOf(file)).map((finding) => `${file}:${finding}`));
    expect(found.join('\n')).toBe('');
  });

  it.each([
    ['a flood is\n * told of', '2: "told": write report, say, show, print, distinguish'],
    ['mail comes by way\n// of Amazon', '1: "by way of": write through, by'],
    [
      'the table stands. It is a stand-in, and stands for it',
      '1: "stands": write is, be (or apply, remain, precede)',
    ],
    ['The client who asks', '1: "client who": write that, which'],
    ['burst.told, { told: 1 }, too much, well-known, all well known', ''],
  ])('are found in %j', (text, wanted) => {
    expect(bannedIn(text).join('\n')).toBe(wanted);
  });
});
