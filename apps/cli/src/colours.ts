/**
 * Colours for those who look: on a terminal that has them, never in a pipe or a file, where a script reads what is
 * printed. By itself the library colours wherever `CI` is set. Node reads NO_COLOR, FORCE_COLOR and TERM of a terminal.
 */
import type { WriteStream } from 'node:tty';

import pc from 'picocolors';

const coloursOf = (stream: Partial<WriteStream>): ReturnType<typeof pc.createColors> =>
  pc.createColors(stream.hasColors?.() ?? false);

export const onStdout = coloursOf(process.stdout);
export const onStderr = coloursOf(process.stderr);
