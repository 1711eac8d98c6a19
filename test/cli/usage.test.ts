import { EventEmitter } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Command } from 'commander'
import { EXIT } from '../../src/cli/exit-codes.ts'
import { createProgram } from '../../src/cli/program.ts'
import { Terminal } from '../../src/cli/terminal.ts'
import { cleanUp, fileOf, limpet, Recorder, ROOT } from './helpers.ts'

const DOCUMENT = readFileSync(join(ROOT, 'docs/cli.md'), 'utf8')
const COMMANDS = [
  'run',
  'check',
  'explain',
  'status',
  'top',
  'backends',
  'sessions',
  'table',
  'plan',
  'reload',
  'config',
  'events',
  'log',
  'schema',
  'build-native',
  'simulate',
  'bench',
  'completion',
]
const TWO_POOLS = 'pools: { redis: { backends: [] }, mail: { backends: [] } }'

function sectionOf(heading: string): string {
  const start = DOCUMENT.indexOf(`## ${heading}\n`)
  expect(start, `no section "${heading}"`).to.be.at.least(0)
  const end = DOCUMENT.indexOf('\n## ', start)
  return DOCUMENT.slice(start, end < 0 ? undefined : end)
}

/** First cells of the rows of the tables that are in backquotes. */
function documentedFlags(text: string): string[] {
  return [...text.matchAll(/^\| `(-[^`]*)` \|/gm)].map(([, flags = '']) => flags)
}

function program(): ReturnType<typeof createProgram> {
  const terminal = (): Terminal => new Terminal(new Recorder().stream, {})
  const io = { stdin: [] as never, stdout: terminal(), stderr: terminal(), env: {}, signals: new EventEmitter() }
  return createProgram(io, { command: 'limpet', status: 0 }, { out: '', err: '' })
}

/** Commands with options of their own, by what is typed after "limpet". */
function leaves(parent: Command = program(), before: readonly string[] = []): Map<string, Command> {
  const commands = parent.commands.filter(command => command.name() !== 'help')
  return new Map(
    commands.flatMap(command => {
      const path = [...before, command.name()]
      return command.commands.length === 0 ? [[path.join(' '), command] as const] : [...leaves(command, path)]
    }),
  )
}

describe('cli: usage', () => {
  after(cleanUp)

  describe('mistakes exit with 64', () => {
    const mistakes: Record<string, { args: string[]; says: RegExp }> = {
      'no command': { args: [], says: /^Usage: limpet/ },
      'an unknown command': {
        args: ['chekc'],
        says: /unknown command 'chekc'\n\(Did you mean check\?\)\nTry: limpet --help/,
      },
      'help for an unknown command': { args: ['help', 'rnu'], says: /unknown command 'rnu'\n\(Did you mean run\?\)/ },
      'an unknown option': {
        args: ['run', '--cofnig', 'x'],
        says: /unknown option '--cofnig'\n\(Did you mean --config\?\)\nTry: limpet run --help/,
      },
      'an option without its value': { args: ['check', '-c'], says: /argument missing/ },
      'an argument too many': { args: ['check', '-c', 'x', 'y'], says: /too many arguments/ },
      'run without -c': {
        args: ['run'],
        says: /a configuration is needed: limpet run -c limpet\.yaml\nTry: limpet run --help/,
      },
      'check without -c': { args: ['check'], says: /a configuration is needed: limpet check -c limpet\.yaml/ },
      'check with an empty -c': { args: ['check', '-c', ''], says: /a configuration is needed/ },
      'explain without an address, of a running process': {
        args: ['explain'],
        says: /an address is missing: limpet explain 192/,
      },
      'explain with - of a running process': { args: ['explain', '-'], says: /limpet explain -c limpet\.yaml -/ },
      'explain with -c and --admin': {
        args: ['explain', '-c', 'x', '--admin', 'unix:/x', '192.0.2.7'],
        says: /not both/,
      },
      'an unknown command of backends': { args: ['backends', 'drian'], says: /Did you mean drain\?/ },
      'a weight that is no number': {
        args: ['backends', 'set', 'b', '--weight', 'two'],
        says: /a whole number from 0 to 65535/,
      },
      'explain without an address': {
        args: ['explain', '-c', 'x.yaml'],
        says: /an address is missing: limpet explain -c x\.yaml 192/,
      },
      'explain with - and an address': { args: ['explain', '-c', 'x', '-', '192.0.2.7'], says: /give it alone/ },
      'an unknown benchmark': { args: ['bench', 'pikc'], says: /Did you mean pick\?\)\nTry: limpet bench --help/ },
      'an unknown trial': {
        args: ['bench', 'pick', '--trials', 'pins,hmoes'],
        says: /There is no "hmoes"\. Did you mean homes\?.*\nTry: limpet bench pick --help/,
      },
      'rounds that are no number': {
        args: ['bench', 'affinity', '--rounds', '0'],
        says: /a whole number from 1 to 1000/,
      },
      'a simulation of something else': { args: ['simulate', 'clutser'], says: /Did you mean cluster\?/ },
      'a change that there is not': {
        args: ['simulate', 'cluster', '--changes', 'add@20m,kil@30m'],
        says: /one of add, remove, down, up, kill, an @, and a time, like add@20m/,
      },
      'a change after the end': {
        args: ['simulate', 'cluster', '--duration', '10m', '--changes', 'add@20m'],
        says: /add would come after 1200 s, and only 600 s are simulated/,
      },
      'a bound that is none': { args: ['simulate', 'cluster', '--bound', '0.9'], says: /from 1 to 1000 .*or off/ },
      'one report to compare': { args: ['bench', 'compare', 'a'], says: /missing required argument 'after'/ },
      'explain with - twice': { args: ['explain', '-c', '-', '-'], says: /not both/ },
    }
    for (const [name, { args, says }] of Object.entries(mistakes)) {
      it(name, async () => {
        const { status, stdout, stderr } = await limpet(args)
        expect(stderr).to.match(says)
        expect({ status, stdout }).to.deep.equal({ status: 64, stdout: '' })
      })
    }

    it('a pool that does not exist, or was not chosen', async () => {
      const file = fileOf(TWO_POOLS)
      const unknown = await limpet(['explain', '-c', file, '--pool', 'reddis', '192.0.2.7'])
      expect(unknown.status).to.equal(64)
      expect(unknown.stderr).to.contain('there is no pool "reddis"; did you mean redis?')
      const open = await limpet(['explain', '-c', file, '192.0.2.7'])
      expect(open.status).to.equal(64)
      expect(open.stderr).to.contain('choose one with --pool (redis, mail)')
    })
  })

  describe('help', () => {
    it('is the same for "help NAME" and "NAME --help", on standard output, with 0', async () => {
      for (const name of [...COMMANDS, ...leaves().keys()]) {
        const words = name.split(' ')
        const asked = await limpet([...words, '--help'])
        expect(asked).to.include({ status: 0, stderr: '' })
        expect(asked.stdout).to.match(new RegExp(`^Usage: limpet ${name}`))
        expect(await limpet(['help', ...words])).to.deep.equal(asked)
      }
      expect(await limpet(['help'])).to.deep.equal(await limpet(['--help']))
    })

    it('has examples and the exit status everywhere, in 80 columns', async () => {
      for (const args of [
        ['--help'],
        ['bench', '--help'],
        ...[...leaves().keys()].map(name => [...name.split(' '), '--help']),
      ]) {
        const { stdout } = await limpet(args)
        expect(stdout)
          .to.match(/^Examples:$/m)
          .and.to.match(/^Exit status:$/m)
        expect(stdout.split('\n').filter(line => line.length > 80)).to.deep.equal([])
      }
    })

    it('names every command, option, exit status and variable', async () => {
      const { stdout } = await limpet(['--help'])
      expect(program().commands.map(command => command.name())).to.deep.equal([...COMMANDS, 'help'])
      for (const name of COMMANDS) expect(stdout).to.match(new RegExp(`^  ${name} `, 'm'))
      for (const status of Object.values(EXIT)) expect(stdout).to.match(new RegExp(`^  ${status} `, 'm'))
      for (const variable of [
        'LIMPET_ADMIN',
        'LIMPET_ADMIN_TOKEN',
        'LIMPET_DEBUG=1',
        'LIMPET_ADDON',
        'LIMPET_DEBUG_ADDON=1',
        'NO_COLOR',
      ])
        expect(stdout).to.contain(variable)
      for (const [name, command] of leaves()) {
        const help = await limpet([...name.split(' '), '--help'])
        for (const { flags } of command.options) expect(help.stdout).to.contain(flags)
      }
    })

    it('has colours only on a terminal without NO_COLOR', async () => {
      const style = '\u001b['
      expect((await limpet(['--help'], { columns: 80 })).stdout).to.contain(style)
      expect((await limpet(['--help'], { columns: 80, env: { NO_COLOR: '1' } })).stdout).not.to.contain(style)
      expect((await limpet(['--help'])).stdout).not.to.contain(style)
    })
  })

  describe('docs/cli.md', () => {
    it('has every option of every command, and no other', () => {
      const common = documentedFlags(sectionOf('limpet bench'))
      const ofBackends = documentedFlags(sectionOf('limpet backends'))
      for (const [name, command] of leaves()) {
        const flags = command.options.map(option => option.flags)
        const own = documentedFlags(sectionOf(`limpet ${name}`))
        const isBenchmark = name.startsWith('bench ') && name !== 'bench compare'
        if (name.startsWith('backends ')) expect([...ofBackends, ...own], name).to.have.members(flags)
        else expect(isBenchmark ? [...own, ...common] : own, name).to.deep.equal(flags)
      }
    })

    it('has every exit status, and no other', () => {
      const rows = [...sectionOf('Exit status').matchAll(/^\| (\d+) \|/gm)].map(([, status]) => Number(status))
      expect(rows).to.deep.equal(Object.values(EXIT))
    })

    it('has the variables of the help', async () => {
      const { stdout } = await limpet(['--help'])
      const environment = stdout.slice(stdout.indexOf('Environment:'))
      const variables = [...environment.matchAll(/^ {2}([A-Z_]+(?:=1)?) {2}/gm)].map(([, name]) => name)
      expect(variables).to.have.length(7)
      for (const name of variables) expect(sectionOf('Environment')).to.contain(`| \`${name}\` |`)
    })
  })
})
