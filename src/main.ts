#!/usr/bin/env node
import { complain } from './commands/output.ts';
import { CommanderError, type ExitCode, program, WrongSettings } from './commands/program.ts';
import { EngineError, FileError, ListenError } from './ports.ts';

function explain(error: unknown): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof WrongSettings) {
    complain(`these settings are wrong:\n${error.message.replace(/^/gm, '  ')}`);
    return 2;
  }
  const { code, message } = error as NodeJS.ErrnoException;
  const expected =
    [EngineError, FileError, ListenError].some((kind) => error instanceof kind) || code !== undefined;
  if (!expected) throw error;
  complain(message);
  return 3;
}

// A reader that has seen enough, such as head(1), is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

try {
  await program((code) => {
    process.exitCode = code;
  }).parseAsync();
} catch (error) {
  process.exitCode = explain(error);
}
