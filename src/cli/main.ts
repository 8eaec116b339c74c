/**
 * The `tartan` command. bin/tartan loads this file, and loading it runs the command line.
 *
 * `program` holds the verbs with their arguments, and turns what a verb comes to into the exit code: 0, 1 failed,
 * 2 wrong usage. `run` loads the daemon; `documents` reads configuration files; `show`, `explain` and `operate`
 * ask a running daemon through its control socket. A verb's code, and what it needs, is loaded when it is asked
 * for, so that `tartan show peers` is quick. `terminal`, `table` and `output` are how answers are written: for
 * people within the width of the terminal, for scripts with `-o`. Errors go to the error stream.
 */
import { runCommandLine } from './program.js';

// `tartan show routes | head`: who reads no more has what they wanted.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
void runCommandLine(process.argv.slice(2), process.stdout, process.stderr).then((code) => {
  process.exitCode = code;
});
