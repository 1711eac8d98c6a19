import { type Command, Option } from 'commander'
import { LONGEST_TTL_MS } from '../../config/duration.ts'
import type { AddCommand } from '../bench/commands.ts'
import type { Io } from '../io.ts'
import { durationFrom, wholeNumber } from '../option-parsers.ts'
import { type Done, located, POOL_FLAG, POOL_TEXT } from './located.ts'
import {
  TABLE_CLEAR_HELP,
  TABLE_DELETE_HELP,
  TABLE_EXPORT_HELP,
  TABLE_GET_HELP,
  TABLE_HELP,
  TABLE_HOT_HELP,
  TABLE_IMPORT_HELP,
  TABLE_LIST_HELP,
  TABLE_SET_HELP,
} from './table-help-texts.ts'

const CLIENT = 'its IP address, or its key'
const BACKEND_FLAG = '--backend <name>'

/** The commands on the stick table of a running process. */
export function addTable(program: Command, io: Io, add: AddCommand, done: Done): void {
  const description = 'Shows the pins of the running process, sets and forgets them, writes and reads them.'
  const table = add(program, 'table', 'show and change pins', description, TABLE_HELP).helpCommand(false)
  const command = (name: string, summary: string, text: string, help: string): Command =>
    located(add(table, name, summary, text, help)).option(POOL_FLAG, POOL_TEXT)
  const json = (one: Command): Command => one.option('--json', 'print one JSON object')

  command('list', 'a table of pins', 'Prints a table of pins, in no order.', TABLE_LIST_HELP)
    .option(BACKEND_FLAG, 'only those to this backend')
    .option('--away', 'only those that are not at home')
    .addOption(
      new Option('--limit <n>', 'about how many are printed (default: 1000)').argParser(wholeNumber(1, 10_000)),
    )
    .option('--json', 'print a JSON object a line')
    .action(async options => done((await import('./table.ts')).listPins(options, io)))
  json(
    command(
      'hot',
      'the keys with the most sessions',
      'Prints a table of the keys that have the most live sessions, and where those are.',
      TABLE_HOT_HELP,
    ).addOption(new Option('--top <n>', 'so many (default: 10)').argParser(wholeNumber(0, 1000))),
  ).action(async options => done((await import('./hot-keys.ts')).hotKeys(options, io)))
  json(command('get', 'the pin of a client', 'Tells the pin of a client.', TABLE_GET_HELP))
    .argument('<client>', CLIENT)
    .action(async (client, options) => done((await import('./table.ts')).showPin(client, options, io)))
  json(
    command('set', 'pin a client', 'Pins a client to a backend, whatever its home is.', TABLE_SET_HELP).addOption(
      new Option('--ttl <duration>', 'until its first use, like 10m (default: that of the table)').argParser(
        durationFrom(1000, LONGEST_TTL_MS),
      ),
    ),
  )
    .argument('<client>', CLIENT)
    .argument('<backend>', 'name of the backend')
    .action(async (client, backend, options) => done((await import('./table.ts')).setPin(client, backend, options, io)))
  json(
    command(
      'delete',
      'forget pins of clients',
      'Forgets pins: the next session of each client goes home.',
      TABLE_DELETE_HELP,
    ),
  )
    .argument('<client...>', CLIENT)
    .action(async (clients, options) => done((await import('./table.ts')).deletePins(clients, options, io)))
  json(
    command('clear', 'forget all pins', 'Forgets all pins, or those to one backend.', TABLE_CLEAR_HELP)
      .option(BACKEND_FLAG, 'only those to this backend')
      .option('--yes', 'really all of them'),
  ).action(async options => done((await import('./table.ts')).clearPins(options, io)))
  command('export', 'write all pins', 'Writes all pins to standard output, as lines of JSON.', TABLE_EXPORT_HELP)
    .option('--json', 'changes nothing: they are lines of JSON in any case')
    .action(async options => done((await import('./table.ts')).exportPins(options, io)))
  json(command('import', 'set pins that were written', 'Sets pins that table export has written.', TABLE_IMPORT_HELP))
    .argument('<file>', 'the file; "-": standard input')
    .action(async (file, options) => done((await import('./table.ts')).importPins(file, options, io)))
}
