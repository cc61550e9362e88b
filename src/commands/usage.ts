// Finds all problems of a command line at once. Commander decides whether there is one, and stops at the first.
import { didYouMean } from '../core/base/suggest.ts';

/** The parts of Commander's command that are needed here. */
export interface CommandSpec {
  readonly options: readonly OptionSpec[];
  readonly registeredArguments: readonly ArgumentSpec[];
}

interface Value {
  readonly description: string;
  readonly required: boolean;
  readonly variadic: boolean;
  readonly parseArg?: ((value: string, before: unknown) => unknown) | undefined;
}

interface OptionSpec extends Value {
  readonly flags: string;
  readonly short?: string | undefined;
  readonly long?: string | undefined;
  readonly mandatory: boolean;
}

interface ArgumentSpec extends Value {
  name(): string;
}

/** The problems of the arguments after the command's name; none when Commander's problem is another one. */
export function usageProblems(command: CommandSpec, given: readonly string[]): readonly string[] {
  const { problems, operands, named } = readOptions(command, given);
  const missing = command.options.filter((option) => option.mandatory && !named.has(option));
  return [
    ...problems,
    ...missing.map(({ flags, description }) => `${flags} is missing: ${description}`),
    ...argumentProblems(command, operands),
  ];
}

interface Read {
  readonly problems: string[];
  readonly operands: string[];
  readonly named: Set<OptionSpec>;
}

function readOptions(command: CommandSpec, given: readonly string[]): Read {
  const read: Read = { problems: [], operands: [], named: new Set() };
  for (let i = 0; i < given.length; i += 1) {
    const word = given[i] ?? '';
    if (word === '--') {
      read.operands.push(...given.slice(i + 1));
      break;
    }
    if (!word.startsWith('-') || word === '-') {
      read.operands.push(word);
      continue;
    }
    const [flag = '', attached] = word.split(/=(.*)/s, 2);
    const option = command.options.find(({ long, short }) => flag === long || flag === short);
    if (option === undefined) {
      read.problems.push(`there is no option ${flag}${didYouMean(flag, longNames(command))}`);
      continue;
    }
    read.named.add(option);
    const values = attached === undefined ? valuesAfter(option, given.slice(i + 1)) : [attached];
    if (attached === undefined) i += values.length;
    if (option.required && values.length === 0)
      read.problems.push(`${option.flags} needs a value: ${option.description}`);
    read.problems.push(...values.flatMap((value) => wrongValue(option, value, `${flag}: `)));
  }
  return read;
}

function longNames({ options }: CommandSpec): string[] {
  return ['--help', ...options.flatMap(({ long }) => long ?? [])];
}

function valuesAfter({ required, variadic }: OptionSpec, rest: readonly string[]): readonly string[] {
  if (!required) return [];
  const end = variadic ? rest.findIndex((word) => word.startsWith('-')) : 1;
  return rest.slice(0, end < 0 ? undefined : end);
}

function argumentProblems(
  { registeredArguments: wanted }: CommandSpec,
  operands: readonly string[],
): string[] {
  const left = [...operands];
  const problems = wanted.flatMap((argument) => {
    const values = argument.variadic ? left.splice(0) : left.splice(0, 1);
    const isMissing = argument.required && values.length === 0;
    const missing = isMissing ? [`<${argument.name()}> is missing: ${argument.description}`] : [];
    return [...missing, ...values.flatMap((value) => wrongValue(argument, value, ''))];
  });
  const most = wanted.length === 0 ? 'no arguments' : `at most ${wanted.length}`;
  return [...problems, ...left.map((value) => `"${value}" is one argument too many: expected ${most}`)];
}

function wrongValue({ parseArg }: Value, value: string, where: string): string[] {
  try {
    parseArg?.(value, undefined);
    return [];
  } catch (error) {
    const { code, message } = error as { readonly code?: unknown; readonly message: string };
    if (code !== 'commander.invalidArgument') throw error;
    return message.split('\n').map((problem) => `${where}${problem}`);
  }
}
