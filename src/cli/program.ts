import { Command, CommanderError, type HelpConfiguration, type OutputConfiguration } from 'commander'
import { LimpetError } from '../errors.ts'
import { VERSION } from '../package-info.ts'
import { addAdmin } from './admin/commands.ts'
import { ADMIN_FLAG, ADMIN_TEXT } from './admin/located.ts'
import { type AddCommand, addBench } from './bench/commands.ts'
import { CliError, ReaderGone, UsageError } from './cli-error.ts'
import { addCompletion } from './completion/command.ts'
import { crashText } from './crash.ts'
import { descriptorProblem } from './descriptors.ts'
import { EXIT } from './exit-codes.ts'
import { BUILD_NATIVE_HELP, CHECK_HELP, EXPLAIN_HELP, MAIN_HELP, RUN_HELP, SCHEMA_HELP } from './help-texts.ts'
import type { Io } from './io.ts'
import { addSimulate } from './simulate/commands.ts'
import type { Terminal } from './terminal.ts'

const CONFIG_FLAG = '-c, --config <file>'
const CONFIG_TEXT = 'the configuration file (YAML); "-": standard input. There is no default'

/** What a run of the command line has done so far. */
interface Progress {
  /** The command as it is typed, for the hint at its help. */
  command: string
  status: number
}

/** Runs the command line and returns its exit status. */
export async function runCli(args: readonly string[], io: Io): Promise<number> {
  const progress: Progress = { command: 'limpet', status: EXIT.ok }
  const said: Said = { out: '', err: '' }
  const program = createProgram(io, progress, said)
  try {
    await program.parseAsync([...args], { from: 'user' })
    return progress.status
  } catch (error) {
    return await finish(error, io, progress, said).catch((second: unknown) => unwritten(second, io))
  }
}

/** What remains to be said when that which was to be said could not be written. */
async function unwritten(error: unknown, { stderr }: Io): Promise<number> {
  if (error instanceof ReaderGone) return EXIT.ok
  if (!(error instanceof CliError)) throw error
  // Standard error may be what cannot be written: then the exit status has to do.
  await stderr.line(`${stderr.style('red', 'limpet:')} ${error.message}`).catch(() => undefined)
  return error.exitCode
}

/** What commander had to say. It is written when commander has finished, by ways that know of readers who leave. */
interface Said {
  out: string
  err: string
}

async function finish(error: unknown, io: Io, progress: Progress, said: Said): Promise<number> {
  if (error instanceof ReaderGone) return EXIT.ok
  if (error instanceof CommanderError) {
    await io.stdout.write(said.out)
    await io.stderr.write(said.err)
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage
  }
  const failure = failureOf(error)
  if (!(failure instanceof CliError)) {
    await io.stderr.line(crashText('limpet', error, io.env))
    return EXIT.internal
  }
  await io.stderr.line(`${io.stderr.style('red', 'limpet:')} ${failure.message}`)
  if (failure instanceof UsageError) await io.stderr.line(hint(progress.command))
  return failure.exitCode
}

/** The error as one whose message is all that the user needs, if it is no fault of Limpet. */
function failureOf(error: unknown): unknown {
  if (error instanceof CliError) return error
  const message = descriptorProblem(error) ?? (error instanceof LimpetError ? error.message : undefined)
  return message === undefined ? error : new CliError(message, EXIT.failed, { cause: error })
}

function hint(command: string): string {
  return `Try: ${command} --help`
}

/** The commands; also for the tests that compare them with the documentation. */
export function createProgram(io: Io, progress: Progress, said: Said): Command {
  const program = new Command('limpet')
  program
    .description('A TCP balancer: every client comes back to its home backend.')
    .version(VERSION, '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand(false)
    .configureOutput(outputOf(io, said))
    .configureHelp(stylesOf(io.stdout))
    .showHelpAfterError(hint('limpet'))
    .exitOverride()
    .addHelpText('after', MAIN_HELP)

  /** Every command is loaded when it is run: help should not wait for a YAML parser. */
  const add: AddCommand = (parent, name, summary, description, help) => {
    const full = parent === program ? `limpet ${name}` : `limpet ${parent.name()} ${name}`
    return parent
      .command(name)
      .summary(summary)
      .description(description)
      .helpOption('-h, --help', 'print help')
      .showHelpAfterError(hint(full))
      .hook('preAction', () => {
        progress.command = full
      })
      .addHelpText('after', help)
  }
  const done = async (status: Promise<number>): Promise<void> => {
    progress.status = await status
  }

  add(program, 'run', 'balance, until SIGTERM or SIGINT', 'Balances, until SIGTERM or SIGINT.', RUN_HELP)
    .option(CONFIG_FLAG, CONFIG_TEXT)
    .option(
      '--takeover',
      'take over from the running process: its sockets and its pins; it ends when its sessions have',
    )
    .option('--json', 'write the log as JSON lines on a terminal, too; tell problems as JSON')
    .action(async options => done((await import('./run.ts')).run(options, io)))
  add(
    program,
    'check',
    'validate a configuration and print it resolved',
    'Validates a configuration as run does, starts nothing, and prints every setting that would be in force.',
    CHECK_HELP,
  )
    .option(CONFIG_FLAG, CONFIG_TEXT)
    .option('--json', 'print one JSON object: settings, digests, warnings, problems')
    .action(async options => done((await import('./check.ts')).check(options, io)))
  add(
    program,
    'explain',
    'tell the home of addresses',
    'Tells the key, the home, the whole order of the backends and the digest for client addresses. Asks the configuration of -c, or else the running process, which knows pins, too. Changes nothing.',
    EXPLAIN_HELP,
  )
    .argument('[address...]', 'IP addresses of clients; "-": read them from standard input, one a line')
    .option('--key', 'they are keys (affinity.key: a name, a cookie), not addresses')
    .option(CONFIG_FLAG, 'the configuration file to explain by; "-": standard input')
    .option(ADMIN_FLAG, ADMIN_TEXT)
    .option('--pool <name>', 'the pool to ask (default: the only one)')
    .option('--json', 'print a JSON object a line for each address')
    .action(async (addresses, options) => done((await import('./explain.ts')).explain(addresses, options, io)))
  addAdmin(program, io, add, done)
  add(
    program,
    'schema',
    'print the JSON Schema of the configuration',
    'Prints the JSON Schema of the configuration, for editors.',
    SCHEMA_HELP,
  ).action(async () => done((await import('./schema.ts')).schema(io)))
  add(
    program,
    'build-native',
    'build the native addon from its sources',
    'Builds the native addon from its sources, unless it is up to date.',
    BUILD_NATIVE_HELP,
  )
    .option('--debug', 'build without optimisation, for a debugger')
    .option('--force', 'build everything anew')
    .option('--bench', 'build the programs of limpet bench, too')
    .action(async options => done((await import('./build-native.ts')).buildNativeCommand(options, io)))
  addSimulate(program, io, add, done)
  addBench(program, io, add, done)
  addCompletion(program, add, async shell =>
    done((await import('./completion/completion.ts')).completion(shell, program, io)),
  )
  program
    .command('help [command...]')
    .summary('print help for a command')
    .helpOption(false)
    .action((names: string[]) => helpFor(program, names))
  return program
}

/** The command `help` of commander shows the help of the program for a command that does not exist. */
async function helpFor(program: Command, names: readonly string[]): Promise<void> {
  let command: Command | undefined = program
  for (const name of names) command = command?.commands.find(known => known.name() === name)
  if (command !== undefined) command.help()
  // Commander itself says what is wrong with such a command.
  await program.parseAsync([...names], { from: 'user' })
}

function outputOf({ stdout, stderr }: Io, said: Said): OutputConfiguration {
  return {
    writeOut: text => {
      said.out += text
    },
    writeErr: text => {
      said.err += text
    },
    outputError: (text, write) => write(text.replace(/^error:/, stderr.style('red', 'limpet:'))),
    getOutHelpWidth: () => stdout.width ?? 80,
    getErrHelpWidth: () => stderr.width ?? 80,
    getOutHasColors: () => stdout.hasColours,
    getErrHasColors: () => stderr.hasColours,
  }
}

function stylesOf(terminal: Terminal): HelpConfiguration {
  const bold = (text: string): string => terminal.style('bold', text)
  const cyan = (text: string): string => terminal.style('cyan', text)
  return { styleTitle: bold, styleSubcommandText: cyan, styleOptionText: cyan, styleArgumentText: cyan }
}
