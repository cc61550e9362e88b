import type { Alert } from './daemon-process.ts';

/** Where the demo is watched. */
export interface Screen {
  /** Something happens in the mail server. */
  event(text: string): void;
  alert(alert: Alert): void;
  table(path: string, text: string): void;
  summary(text: string): void;
}

/** For `--json`: the daemon's own lines are all there is to see. */
export const quietScreen: Screen = { event() {}, alert() {}, table() {}, summary() {} };

const KIND_WIDTH = 16;
/** ANSI SGR codes (ECMA-48). */
const STYLES = { dim: 2, bold: 1, info: 32, warn: 33, error: 31 } as const;

/** Writes for people: one line each, time first, colours only if asked for. */
export function createScreen(write: (line: string) => void, colour: boolean): Screen {
  const paint = (style: keyof typeof STYLES, text: string) =>
    colour ? `\u001b[${STYLES[style]}m${text}\u001b[0m` : text;
  const line = (time: string, kind: string, text: string) => write(`${paint('dim', time)}  ${kind}  ${text}`);

  return {
    event(text) {
      line(clockTime(new Date()), paint('dim', '·'.padStart(KIND_WIDTH)), paint('dim', text));
    },
    alert({ time, level, alert, msg }) {
      const style = level === 'warn' || level === 'error' ? level : 'info';
      line(clockTime(new Date(time)), paint(style, alert.padEnd(KIND_WIDTH)), msg);
    },
    table(path, text) {
      write('');
      write(paint('bold', path));
      for (const row of text.trimEnd().split('\n')) write(`  ${row}`);
      write('');
    },
    summary(text) {
      write(paint('bold', text));
    },
  };
}

function clockTime(date: Date): string {
  return date.toISOString().slice('YYYY-MM-DDT'.length, -1);
}
