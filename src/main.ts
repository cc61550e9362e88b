#!/usr/bin/env node
// The process: it runs the command line, and ends with its exit code. What the command line does is in commands/.
import { execute } from './commands/execute.ts';

// A reader that has seen enough, such as head(1), is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

process.exitCode = await execute();
