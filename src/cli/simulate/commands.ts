import { type Command, InvalidArgumentError, Option } from 'commander'
import { DAY } from '../../config/duration.ts'
import type { ClusterChange } from '../../simulation/options.ts'
import type { AddCommand } from '../bench/commands.ts'
import type { Io } from '../io.ts'
import { millisecondsFrom, wholeNumber } from '../option-parsers.ts'
import { SIMULATE_CLUSTER_HELP, SIMULATE_HELP } from './help-texts.ts'

const CHANGES = ['add', 'remove', 'down', 'up', 'kill'] as const

/** `simulate`, and what is below it. */
export function addSimulate(
  program: Command,
  io: Io,
  add: AddCommand,
  done: (status: Promise<number>) => Promise<void>,
): void {
  const simulate = add(
    program,
    'simulate',
    'what would be, by simulation',
    'Answers what-if questions by simulation. Changes nothing.',
    SIMULATE_HELP,
  ).helpCommand(false)
  const cluster = add(
    simulate,
    'cluster',
    'several balancers that share pins',
    'Simulates several balancers and the store through which they share the pins that are no homes.',
    SIMULATE_CLUSTER_HELP,
  )
  for (const option of options()) cluster.addOption(option)
  cluster.action(async given => done((await import('./cluster.ts')).simulateCluster(given, io)))
}

function options(): Option[] {
  const count = (flags: string, text: string, most: number, least = 1): Option =>
    new Option(flags, text).argParser(wholeNumber(least, most))
  const time = (flags: string, text: string, least = 1): Option => new Option(flags, text).argParser(secondsFrom(least))
  return [
    count('--clients <n>', 'how many come and go', 10_000_000).default(100_000),
    count('--balancers <n>', 'how many there are', 100).default(3),
    count('--backends <n>', 'how many there are', 1000, 2).default(10),
    new Option('--bound <c>', 'boundedLoad: 1 to 1000, or off').argParser(bound).default(1.25),
    new Option('--scope <scope>', "sessions that the bound counts: a balancer's own, or all")
      .choices(['local', 'cluster'])
      .default('local'),
    new Option('--alone', 'balancers share nothing'),
    time('--duration <time>', 'how much time is simulated', 60).default(3600, '1h'),
    time('--session <time>', 'length of a session, on average').default(60, '1m'),
    time('--pause <time>', 'from a session to the next one of that client, on average').default(600, '10m'),
    time('--ttl <time>', 'how long a pin holds without a session').default(1800, '30m'),
    count('--wander <n>', 'clients in 100 that come back through any balancer', 100, 0).default(100),
    count('--churn <n>', 'clients in 100 that are replaced by new ones in an hour', 1000, 0).default(10),
    time('--lag <time>', 'from one balancer to the others', 0).default(0.05, '50ms'),
    count('--pace <n>', 'pins a second that a balancer publishes at a change', 1_000_000).default(1000),
    new Option(
      '--changes <list>',
      'what happens, with commas, like add@20m,kill@40m: add, remove, down, up (a backend), kill (a balancer)',
    )
      .argParser(changes)
      .default([], 'nothing'),
    count('--seed <n>', 'another one gives other clients', 2 ** 32 - 1, 0).default(1),
    new Option('--json', 'print one JSON object'),
  ]
}

/** Makes a parser of a time, which it gives in seconds. */
function secondsFrom(least: number): (text: string) => number {
  const parse = millisecondsFrom(least * 1000, 7 * DAY)
  return text => parse(text) / 1000
}

function bound(text: string): number | 'off' {
  const factor = Number(text)
  if (text === 'off') return text
  if (/^\d+(\.\d{1,3})?$/.test(text) && factor >= 1 && factor <= 1000) return factor
  throw new InvalidArgumentError('It must be a number from 1 to 1000 with at most 3 places, or off.')
}

function changes(text: string): ClusterChange[] {
  const at = secondsFrom(0)
  return text
    .split(',')
    .map(part => {
      const [name, time = '', ...more] = part.trim().split('@')
      const what = CHANGES.find(known => known === name)
      if (what === undefined || more.length > 0)
        throw new InvalidArgumentError(`Each must be one of ${CHANGES.join(', ')}, an @, and a time, like add@20m.`)
      return { what, at: at(time) }
    })
    .sort((left, right) => left.at - right.at)
}
