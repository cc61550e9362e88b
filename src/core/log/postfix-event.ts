/** What one Postfix line says, made of what the line reader found in it. */
import { isIP } from 'node:net';
import { formatAddress, parseAddress } from '../net/network.ts';
import { type Field, hasField, type Scan, SLOT } from './line-form.ts';
import { createLineReader, type LineForm } from './line-reader.ts';
import type { EventKind } from './line-table.ts';

/**
 * What one Postfix line says; null where the line has no such value. `helo` is null when the client gave none
 * (`helo=<>`), while an empty `sender` is the null sender. The client address and port, `code`,
 * `enhanced`, `dnsbl` and `text` are Postfix's own words. `helo`, `sender` and `recipient` are the client's claims:
 * they are for people to read and must never decide anything.
 */
export interface PostfixEvent {
  readonly program: string;
  readonly kind: EventKind;
  /** Canonical address; null when the line has none or an unreadable one. */
  readonly ip: string | null;
  readonly port: number | null;
  readonly code: number | null;
  readonly enhanced: string | null;
  readonly dnsbl: string | null;
  readonly rank: number | null;
  readonly helo: string | null;
  readonly sender: string | null;
  readonly recipient: string | null;
  /**
   * reject, smtpd_reject, milter_reject: the reply's text, which can repeat what the client said; of a line that
   * Postfix cut, only what comes before that. hangup: `before` or `after` the SMTP handshake. Of master's lines:
   * `started` for its start. Of smtpd's warnings, and of postscreen's about its access list: their words.
   */
  readonly text: string | null;
  /** Of the message that the line is about; null for none (`NOQUEUE`), and in warnings and worse. */
  readonly queueId: string | null;
  /** The mail host's own stamp, as text. */
  readonly stamp: string | null;
}

/**
 * Reads one log line (one character a byte, no line end). Undefined: not a line of a Postfix program.
 * Any text gives a result in time linear to its length; nothing throws.
 */
export function parseEvent(text: string): PostfixEvent | undefined {
  const form = readText(text);
  return form && eventOf(form, READER.line);
}

/** A line of a program that is not Postfix's and refuses mail (FILTERS in line-table.ts). */
export interface FilterLine {
  readonly program: string;
  readonly ip: string | null;
  readonly stamp: string | null;
}

/** Reads one such line (one character a byte, no line end). Undefined: it is none. */
export function parseFilterLine(text: string): FilterLine | undefined {
  const form = readText(text);
  if (form?.kind !== 'blocked') return undefined;
  const { line } = READER;
  return {
    program: textOf(line, 'program') ?? '',
    ip: readIp(textOf(line, 'ip')),
    stamp: textOf(line, 'stamp'),
  };
}

/** It keeps the tags of a log, which change nothing of what a line says. */
const READER = createLineReader();

function readText(text: string): LineForm | undefined {
  return READER.read(Buffer.from(text, 'latin1'), 0, text.length);
}

/** The event of a line that was read; undefined: it is not of a Postfix program. */
export function eventOf(form: LineForm, line: Scan): PostfixEvent | undefined {
  const { kind } = form;
  if (kind === 'blocked') return undefined;
  const text = (field: Field) => (hasField(form, field) ? textOf(line, field) : null);
  // Field by field: spreading objects of many shapes costs more than all the reading.
  return {
    program: textOf(line, 'program') ?? '',
    kind,
    ip: readIp(text('ip')),
    port: readPort(text('port')),
    code: numberOf(text('code')),
    enhanced: text('enhanced'),
    dnsbl: text('dnsbl'),
    rank: numberOf(text('rank')),
    helo: claimOf(text('helo')),
    sender: claimOf(text('sender')),
    recipient: claimOf(text('recipient')),
    text: text('text'),
    queueId: text('queueId'),
    stamp: textOf(line, 'stamp'),
  };
}

/** Postfix has read its configuration and its tables again. */
export function isReload({ program, kind, text }: PostfixEvent): boolean {
  return kind === 'reload' || (program === 'master' && text === 'started');
}

function textOf({ bytes, spans }: Scan, field: Field): string | null {
  const from = spans[2 * SLOT[field]] as number;
  return from < 0 ? null : bytes.toString('latin1', from, spans[2 * SLOT[field] + 1]);
}

/** Lines are read a byte a character; claims are UTF-8 when smtputf8_enable is on. */
function claimOf(text: string | null): string | null {
  return text === null || ASCII.test(text) ? text : Buffer.from(text, 'latin1').toString('utf8');
}

/** Nearly all claims. */
const ASCII = /^[ -~]*$/;

function numberOf(text: string | null): number | null {
  return text === null ? null : Number(text);
}

/** What no TCP port can be is damage. */
function readPort(text: string | null): number | null {
  return text !== null && Number(text) <= 65_535 ? Number(text) : null;
}

/** The address in its one form; null for what is none: a redaction, damage, or one with a zone. */
export function readIp(text: string | null | undefined): string | null {
  if (text === null || text === undefined) return null;
  // Nearly all are, and IPv4 has no other form.
  if (isIP(text) === 4) return text;
  const address = parseAddress(text);
  return address === undefined ? null : formatAddress(address);
}
