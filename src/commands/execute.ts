/** One whole run of the command line, from its arguments to the exit code. It ends no process: main.ts does. */
import { EngineError, FileError, ListenError } from '../ports.ts';
import { WrongSettings } from './arguments.ts';
import { complain } from './output.ts';
import { CommanderError, type ExitCode, program } from './program.ts';

/** Does what process.argv says, with the settings of process.env. Rejects with what only a bug can be. */
export async function execute(): Promise<ExitCode> {
  let exitCode: ExitCode = 0;
  try {
    await program((code) => {
      exitCode = code;
    }).parseAsync();
    return exitCode;
  } catch (error) {
    return explain(error);
  }
}

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
