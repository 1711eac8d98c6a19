import { type Command, Option } from 'commander'
import { LONGEST_TIMER_MS } from '../../config/duration.ts'
import type { BackendState } from '../../index.ts'
import type { AddCommand } from '../bench/commands.ts'
import type { Io } from '../io.ts'
import { durationFrom, numberAbove, wholeNumber } from '../option-parsers.ts'
import {
  BACKEND_ADD_HELP,
  BACKEND_CHANGES_HELP,
  BACKEND_DRAIN_HELP,
  BACKEND_FORGET_HELP,
  BACKEND_LIST_HELP,
  BACKEND_MAINT_HELP,
  BACKEND_READY_HELP,
  BACKEND_REMOVE_HELP,
  BACKEND_SET_HELP,
  BACKENDS_HELP,
  CONFIG_DIFF_HELP,
  CONFIG_HELP,
  EVENTS_HELP,
  LOG_HELP,
  PLAN_HELP,
  RELOAD_HELP,
  SESSION_CLOSE_HELP,
  SESSION_CLOSINGS_HELP,
  SESSION_LIST_HELP,
  SESSION_STOP_HELP,
  SESSIONS_HELP,
  STATUS_HELP,
  TOP_HELP,
} from './help-texts.ts'
import { ADMIN_FLAG, ADMIN_TEXT, CONFIG_FLAG, type Done, located, POOL_FLAG, POOL_TEXT } from './located.ts'
import { readAddition, readName, readWeight } from './plan-options.ts'
import { addTable } from './table-commands.ts'

const MOST_SESSIONS = 10_000_000
const MOST_PER_SECOND = 1_000_000

/** The commands that ask a running process. */
export function addAdmin(program: Command, io: Io, add: AddCommand, done: Done): void {
  located(
    add(
      program,
      'status',
      'what the running process does',
      'Tells what the running process does: listeners, pools and backends.',
      STATUS_HELP,
    ),
  )
    .option(POOL_FLAG, 'only this pool')
    .option('--json', 'print what the process answers, one JSON object')
    .action(async options => done((await import('./status.ts')).status(options, io)))
  located(
    add(
      program,
      'top',
      'status, drawn anew every second',
      'Draws the status anew every second, with sessions and bytes a second. q or Ctrl-C ends it.',
      TOP_HELP,
    ),
  )
    .option(POOL_FLAG, 'only this pool')
    .addOption(new Option('--count <n>', 'end after so many looks').argParser(wholeNumber(1, 1_000_000_000)))
    .option('--json', 'print a JSON object a line every second; needs no terminal')
    .action(async options => done((await import('./top.ts')).top(options, io)))
  addBackends(program, io, add, done)
  addSessions(program, io, add, done)
  addTable(program, io, add, done)
  add(
    program,
    'plan',
    'what a change of backends would move',
    'Tells what adding, removing or weighing backends would move, and changes nothing. Asks the configuration of -c, or else the running process.',
    PLAN_HELP,
  )
    .option(CONFIG_FLAG, 'the configuration file to plan with; "-": standard input')
    .option(ADMIN_FLAG, ADMIN_TEXT)
    .option(POOL_FLAG, POOL_TEXT)
    .addOption(new Option('--add <name=address[@weight]>', 'a backend to add; may be repeated').argParser(readAddition))
    .addOption(new Option('--remove <name>', 'a backend to remove; may be repeated').argParser(readName))
    .addOption(new Option('--weight <name=weight>', 'another weight; may be repeated').argParser(readWeight))
    .option('--json', 'print one JSON object')
    .action(async options => done((await import('./plan.ts')).plan(options, io)))
  located(
    add(
      program,
      'reload',
      'make the process read its configuration again',
      'Makes the running process read its configuration again, and tells what that changed. As SIGHUP, with an answer.',
      RELOAD_HELP,
    ),
  )
    .option('--json', 'print one JSON object; problems, too')
    .action(async options => done((await import('./reload.ts')).reload(options, io)))
  addConfig(program, io, add, done)
  located(
    add(
      program,
      'events',
      'follow what happens to backends',
      'Prints a line for every event of the running process, until it is stopped: backends that were changed, went down or came up, reloads.',
      EVENTS_HELP,
    ),
  )
    .option('--no-retry', 'end when the stream ends, and do not try to go on')
    .option('--json', 'print a JSON object a line')
    .action(async options => done((await import('./events.ts')).events(options, io)))
  addLog(program, io, add, done)
}

function addLog(program: Command, io: Io, add: AddCommand, done: Done): void {
  located(
    add(
      program,
      'log',
      'follow the sessions that end',
      'Prints a line for every session of the running process that ends, until it is stopped; log.sessions need not be on.',
      LOG_HELP,
    ),
  )
    .option(POOL_FLAG, 'only this pool')
    .option('--backend <name>', 'only this backend')
    .option('--listener <name>', 'only this listener')
    .addOption(new Option('--share <n>', 'so many of them, chosen at random: 0.01 is 1 %').argParser(numberAbove(0, 1)))
    .option('--json', 'print a JSON object a line')
    .action(async options => done((await import('./log.ts')).log(options, io)))
}

function addConfig(program: Command, io: Io, add: AddCommand, done: Done): void {
  const description = 'About the configuration of the running process.'
  const config = add(program, 'config', 'compare the file with what runs', description, CONFIG_HELP).helpCommand(false)
  add(
    config,
    'diff',
    'in what the file and the running process differ',
    'Tells in what a file and the running process differ, and whether a reload or a restart would end that. Changes nothing.',
    CONFIG_DIFF_HELP,
  )
    .option(ADMIN_FLAG, ADMIN_TEXT)
    .option(CONFIG_FLAG, 'the file (default: the one that the process has); says where the process is, too')
    .option('--exit-code', 'exit with 1 if something differs')
    .option('--json', 'print one JSON object')
    .action(async options => done((await import('./config-diff.ts')).configDiff(options, io)))
}

function addBackends(program: Command, io: Io, add: AddCommand, done: Done): void {
  const description =
    'Shows and changes the backends of the running process. A reload, or a restart without state, goes back to the file.'
  const backends = add(
    program,
    'backends',
    'show and change backends while they serve',
    description,
    BACKENDS_HELP,
  ).helpCommand(false)
  const command = (name: string, summary: string, description: string, help: string): Command =>
    located(add(backends, name, summary, description, help)).option(POOL_FLAG, POOL_TEXT)
  const json = (command: Command): Command => command.option('--json', 'print one JSON object')
  const ifVersion = (command: Command): Command =>
    command.addOption(
      new Option('--if-version <n>', 'only if the shared backends have this version').argParser(
        wholeNumber(0, Number.MAX_SAFE_INTEGER),
      ),
    )
  const changing = (command: Command): Command =>
    ifVersion(json(command)).option('--local', 'at this balancer only, where backends are shared')

  json(command('list', 'a table of the backends', 'Prints a table of the backends.', BACKEND_LIST_HELP)).action(
    async options => done((await import('./backends.ts')).listBackends(options, io)),
  )
  changing(
    settings(
      command(
        'add',
        'add a backend',
        'Adds a backend: about 1/n of the homes move to it, no others; clients with a pin stay.',
        BACKEND_ADD_HELP,
      ).argument('<name>', 'its stable name: homes depend on it'),
    ),
  ).action(async (name, options) => done((await import('./backends.ts')).addBackend(name, options, io)))
  changing(
    command(
      'remove',
      'remove a backend',
      'Removes a backend: its homes move to the others; sessions go on until they end.',
      BACKEND_REMOVE_HELP,
    ).argument('<name>', 'the backend'),
  ).action(async (name, options) => done((await import('./backends.ts')).removeBackend(name, options, io)))
  changing(
    settings(
      command(
        'set',
        'change weight, limit or address',
        'Changes a backend; what is not given stays. Sessions go on.',
        BACKEND_SET_HELP,
      ).argument('<name>', 'the backend'),
    ),
  ).action(async (name, options) => done((await import('./backends.ts')).setBackend(name, options, io)))

  const change = async (name: string, state: BackendState, options: object): Promise<void> =>
    done((await import('./backends.ts')).changeState(name, state, options, io))
  changing(
    command(
      'drain',
      'no new clients',
      'Sends a backend no new clients; those that are pinned to it still come.',
      BACKEND_DRAIN_HELP,
    )
      .argument('<name>', 'the backend')
      .option('--hard', 'send it nobody: its clients go elsewhere with their next connection'),
  ).action(async (name, { hard, ...options }) => change(name, hard === true ? 'drain-hard' : 'drain', options))
  changing(
    command(
      'ready',
      'back to serving',
      'Lets a backend serve again, after drain or maint.',
      BACKEND_READY_HELP,
    ).argument('<name>', 'the backend'),
  ).action(async (name, options) => change(name, 'ready', options))
  changing(
    command(
      'maint',
      'take a backend out',
      'Takes a backend out: it gets nobody, and is not checked. Its homes stay its own.',
      BACKEND_MAINT_HELP,
    ).argument('<name>', 'the backend'),
  ).action(async (name, options) => change(name, 'maint', options))
  ifVersion(
    json(
      command(
        'forget',
        'what was changed at all balancers',
        'Makes shared backends those of the configuration again, at all balancers; a reload does not.',
        BACKEND_FORGET_HELP,
      ),
    ),
  ).action(async options => done((await import('./roster.ts')).forget(options, io)))
  command(
    'changes',
    'who changed shared backends, and when',
    'Prints the last changes of shared backends, at whichever balancer they were made, the latest first.',
    BACKEND_CHANGES_HELP,
  )
    .addOption(new Option('--limit <n>', 'most that are printed (default: 100)').argParser(wholeNumber(1, 1000)))
    .option('--json', 'print a JSON object a line')
    .action(async options => done((await import('./roster.ts')).listChanges(options, io)))
}

function addSessions(program: Command, io: Io, add: AddCommand, done: Done): void {
  const description = 'Shows the sessions that live, and closes them.'
  const sessions = add(program, 'sessions', 'show and close live sessions', description, SESSIONS_HELP).helpCommand(
    false,
  )
  located(
    add(sessions, 'list', 'a table of live sessions', 'Prints a table of the sessions that live.', SESSION_LIST_HELP),
  )
    .option(POOL_FLAG, 'only this pool')
    .option('--backend <name>', 'only this backend')
    .option('--listener <name>', 'only this listener')
    .addOption(new Option('--limit <n>', 'most that are printed (default: 1000)').argParser(wholeNumber(1, 10_000)))
    .option('--json', 'print a JSON object a line')
    .action(async options => done((await import('./sessions.ts')).listSessions(options, io)))
  located(
    add(
      sessions,
      'close',
      'close sessions',
      'Closes some sessions, or those of a backend at a pace: the longest idle first. Their clients may come back at once.',
      SESSION_CLOSE_HELP,
    ).argument('[id...]', 'ids, as sessions list tells them'),
  )
    .option(POOL_FLAG, 'all of this pool, at a pace')
    .option('--backend <name>', 'all on this backend, at a pace')
    .option('--listener <name>', 'all of this listener, at a pace')
    .addOption(
      new Option('--per-second <n>', 'so many a second; 0: all at once (default: 100)').argParser(
        wholeNumber(0, MOST_PER_SECOND),
      ),
    )
    .addOption(
      new Option('--deadline <duration>', 'when what is left is closed at once (default: 30s)').argParser(
        durationFrom(0, LONGEST_TIMER_MS),
      ),
    )
    .option('--no-wait', 'do not wait until they are closed')
    .option('--json', 'print one JSON object')
    .action(async (ids, options) => done((await import('./closings.ts')).close(ids, options, io)))
  located(
    add(
      sessions,
      'closings',
      'what is being closed',
      'Prints a table of the closings at a pace that run, and of the last ones that are over.',
      SESSION_CLOSINGS_HELP,
    ),
  )
    .option('--json', 'print a JSON object a line')
    .action(async options => done((await import('./closings.ts')).listClosings(options, io)))
  located(
    add(
      sessions,
      'stop',
      'stop a closing',
      'Stops a closing at a pace: the sessions that are left live on.',
      SESSION_STOP_HELP,
    ).argument('<id>', 'the closing, as sessions closings tells it'),
  )
    .option('--json', 'print one JSON object')
    .action(async (id, options) => done((await import('./closings.ts')).stopClosing(id, options, io)))
}

function settings(command: Command): Command {
  return command
    .option('--address <address>', 'where it is reached: host:port, [v6]:port or unix:/path')
    .addOption(new Option('--weight <n>', 'its share of the clients, 0 to 65535').argParser(wholeNumber(0, 65_535)))
    .addOption(
      new Option('--max-sessions <n>', 'most sessions at one time; 0: no limit').argParser(
        wholeNumber(0, MOST_SESSIONS),
      ),
    )
    .option('--backup', 'it serves only while nobody else takes new clients')
    .option('--no-backup', 'it serves as the others do')
}
