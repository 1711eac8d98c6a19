import { z } from 'zod'
import { type DnsServer, readDnsName, readDnsServer } from './discovery.ts'
import { DAY, type Mode } from './duration.ts'
import { backendHealth } from './health-schema.ts'
import { accept, type Parsed, refuse } from './parsed.ts'
import { duration, oneOf, scalar, whole } from './scalars.ts'
import { filePath } from './text-scalars.ts'

const MINUTE = 60_000
const MOST_NAMES = 100
const MOST_SERVERS = 8
const ACCEPTED_NAMES = `a complete DNS name, or a list of 1 to ${MOST_NAMES} of them`
const NAME_PATTERN = '^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9_.])?$'
const NO_COMMAND =
  'Limpet starts no programs: one that hangs, forks or runs as the wrong user is the business of a supervisor'

/** Limits of the list of backends, which a caller has. */
export interface DiscoveryLimits {
  backends: number
  sessions: { min: number; max: number }
}

function readNames(value: unknown): Parsed<string[]> {
  const all = Array.isArray(value) ? value : [value]
  if (all.length === 0 || all.length > MOST_NAMES) return refuse(`there are ${all.length} names`, ACCEPTED_NAMES)
  const names: string[] = []
  for (const one of all) {
    const read = readDnsName(one)
    if ('refusal' in read) return read
    if (names.includes(read.value)) return refuse(`${read.value} is there twice`, 'each name once')
    names.push(read.value)
  }
  return accept(names)
}

function names(description: string): z.ZodType<string[], string | string[]> {
  const name = { type: 'string', pattern: NAME_PATTERN }
  const list = { type: 'array', items: name, minItems: 1, maxItems: MOST_NAMES }
  return scalar(readNames, { anyOf: [name, list], description })
}

function server(description: string): z.ZodType<DnsServer, string> {
  return scalar(readDnsServer, { type: 'string', pattern: '^[0-9A-Fa-f.:\\[\\]]{2,48}$', description })
}

/** What all sources have. */
function foundKeys(mode: Mode, { backends, sessions }: DiscoveryLimits) {
  return {
    minBackends: whole(
      { min: 1, max: backends },
      'An answer with fewer backends than this is not believed, and those before stay.',
    ).prefault(1),
    startTimeout: duration(
      { min: 0, max: 5 * MINUTE },
      mode,
      'How long a start waits for the first answer; then it goes on with the backends that state has kept, or none.',
    ).prefault('5s'),
    weight: whole(
      { min: 0, max: 65_535 },
      'The share of each backend. Left out: what the source says, otherwise 1.',
    ).optional(),
    maxSessions: whole(
      sessions,
      'Most sessions on each backend at one time, where the source does not say it; 0: no limit of its own.',
    ).prefault(0),
    health: backendHealth(mode),
  }
}

function dns(mode: Mode, limits: DiscoveryLimits) {
  return z
    .strictObject({
      dns: names('The name that is asked for, or several; complete: search domains and hosts files do not count.'),
      type: oneOf(['A', 'AAAA', 'SRV'], 'Which records are asked for.').prefault('A'),
      port: whole({ min: 1, max: 65_535 }, 'The port of every backend. SRV records have their own.').optional(),
      identity: oneOf(
        ['address', 'name'],
        'What the names of backends are made of. name: target and port of an SRV record; of A and AAAA records the name that was asked for, which is one backend then. Default: name for SRV, otherwise address.',
      ).optional(),
      refresh: z
        .strictObject({
          min: duration({ min: 100, max: DAY }, mode, 'Not sooner than this, whatever the TTL.').prefault('5s'),
          max: duration({ min: 100, max: DAY }, mode, 'Not later than this, whatever the TTL.').prefault('5m'),
        })
        .superRefine(({ min, max }, context) => {
          if (min <= max) return
          const params = { accepted: 'not less than refresh.min' }
          context.addIssue({ code: 'custom', path: ['max'], message: 'is less than refresh.min', params })
        })
        .prefault({})
        .describe('When it is asked again: when the answer expires (TTL), within these bounds.'),
      jitter: whole(
        { min: 0, max: 100 },
        'Per cent of that time by which it is asked later, at random, so that many balancers do not ask at once.',
      ).prefault(10),
      timeout: duration({ min: 10, max: MINUTE }, mode, 'How long one server is waited for.').prefault('2s'),
      resolvers: z
        .array(server('A DNS server.'))
        .max(MOST_SERVERS)
        .prefault([])
        .describe('DNS servers, asked in this order; empty: those of the system.'),
      ...foundKeys(mode, limits),
    })
    .superRefine(({ type, port }, context) => {
      const issue = (message: string, accepted: string): void =>
        context.addIssue({ code: 'custom', path: ['port'], message, params: { accepted } })
      if (type === 'SRV' && port !== undefined)
        issue('SRV records have a port of their own', 'no port; or type: A, AAAA')
      if (type !== 'SRV' && port === undefined) issue(`is missing: ${type} records have none`, 'a port; or type: SRV')
    })
}

function file(mode: Mode, limits: DiscoveryLimits) {
  return z.strictObject({
    file: filePath(
      'A file with a list of backends in YAML or JSON, looked at every second; relative to the configuration file.',
      'LIMPET_ERR_CONFIG',
    ),
    ...foundKeys(mode, limits),
  })
}

/** Something that people look for, and are told why it is not there. */
function command() {
  const read = (): Parsed<never> =>
    refuse(NO_COMMAND, 'file, which a timer of the system writes; or dns', 'LIMPET_ERR_UNSUPPORTED')
  return z.strictObject({
    command: scalar<never, never>(read, { not: {}, description: `Refused: ${NO_COMMAND}. Let it write a file.` }),
  })
}

/** The forms that say where backends come from. */
export function discoveryForms(mode: Mode, limits: DiscoveryLimits) {
  return [dns(mode, limits), file(mode, limits), command()] as const
}

type Forms = ReturnType<typeof discoveryForms>

/** What is written, with its defaults. */
export type ParsedDiscovery = z.output<Forms[0]> | z.output<Forms[1]>
