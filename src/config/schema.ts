import { z } from 'zod'
import { admin } from './admin-schema.ts'
import { backendHealthProblems } from './backend-health.ts'
import { boundedLoad } from './bounded-load.ts'
import { cluster } from './cluster-schema.ts'
import { cookie } from './cookie-schema.ts'
import { discoveryForms } from './discovery-schema.ts'
import type { Mode } from './duration.ts'
import { DAY, HOUR, LONGEST_TIMER_MS, LONGEST_TTL_MS } from './duration.ts'
import { agent, backendHealth, ejection, failOpen, health } from './health-schema.ts'
import { hotKey } from './hot-key-schema.ts'
import { sendProxy, source } from './outgoing-schema.ts'
import { peek } from './peek-schema.ts'
import { proxyProtocol } from './proxy-schema.ts'
import { routes } from './route.ts'
import {
  backendAddress,
  bindAddress,
  duration,
  durationSwitch,
  keys,
  name,
  network,
  off,
  oneOf,
  reference,
  shareSwitch,
  systemName,
  whole,
  wholeOrAuto,
  wholeSwitch,
  yesNo,
} from './scalars.ts'
import { secret } from './secret-schema.ts'
import { filePath } from './text-scalars.ts'
import { backendTls, listenerTls } from './tls-schema.ts'

/** Why the numbers end where they do; docs/configuration.md says the same to operators. */
export const LIMITS = {
  /**
   * As many as the native registry takes. The stick table has 14 bits for the index of a backend, so that 6,383 more fit
   * that were removed while sessions of theirs go on.
   */
  backends: 10_000,
  listeners: 1000,
  /** Of each list; 160 KB of IPv4 networks, twice that of IPv6 ones. */
  networks: 10_000,
  pools: 1000,
  /** Points of a ring in all: 24 MB, and half a second to sort at start. */
  ringPoints: 2_000_000,
} as const

/** Points of a ring per unit of weight: the number of ketama and nginx, so that comparisons compare like with like. */
export const RING_POINTS = 160

const KERNEL_SECONDS = { min: 1000, max: 32_767_000, wholeSeconds: true, why: "the kernel's limit" }
const TIMER = { min: 1, max: LONGEST_TIMER_MS, why: 'the longest a timer can run' }
const SESSIONS = { min: 0, max: 10_000_000 }
const RATE = { min: 0, max: 1_000_000 }
const WAITERS = { min: 0, max: 1_000_000 }
/** net.core.somaxconn and the queue of TCP_FASTOPEN cut longer ones. */
const QUEUE = { min: 1, max: 65_535 }
const ON = { deferAcceptMs: 3000, fastOpen: 256 } as const

function keepalive(mode: Mode) {
  return z
    .strictObject({
      idle: duration(
        { ...KERNEL_SECONDS, zero: true },
        mode,
        'Silence before the first probe; 0 switches keepalive off.',
      ).prefault('60s'),
      interval: duration(KERNEL_SECONDS, mode, 'Time between probes.').prefault('10s'),
      count: whole(
        { min: 1, max: 127, why: "the kernel's limit" },
        'Unanswered probes after which the peer is dead.',
      ).prefault(3),
      userTimeout: duration(
        { ...TIMER, min: 0 },
        mode,
        "How long sent bytes may stay unacknowledged (TCP_USER_TIMEOUT); 0: the system's own.",
      ).prefault('0s'),
    })
    .prefault({})
    .describe('TCP keepalive, on the sockets of clients and of backends.')
}

function timeouts(mode: Mode) {
  return z
    .strictObject({
      connect: duration({ min: 1, max: HOUR }, mode, 'Connecting to one backend.').prefault('5s'),
      idle: duration(TIMER, mode, 'No byte in either direction.').prefault('1h'),
      fin: duration(TIMER, mode, 'No byte in the other direction, once one direction has ended.').prefault('30s'),
      keepalive: keepalive(mode),
    })
    .prefault({})
    .describe('How long things may take.')
}

function stickTable(mode: Mode) {
  const table = z.strictObject({
    size: whole(
      { min: 1, max: 100_000_000, why: 'some 2 GB of memory' },
      'Entries that it holds; allocated once, 22.9 bytes each.',
    ).prefault(1_000_000),
    ttl: duration(
      { min: 1000, max: LONGEST_TTL_MS },
      mode,
      'How long an entry stays after the last session of its client has ended.',
    ).prefault('30m'),
    file: filePath(
      'A file for the table, which then outlives a restart and a crash; relative to the configuration file. off: memory only.',
      'LIMPET_ERR_CONFIG',
    ).prefault('off'),
  })
  return z
    .union([table, off('{ size, ttl, file }', 'No table: clients are placed anew with every connection.')])
    .prefault({})
    .describe('The table that remembers where clients are, or off.')
}

function rebalance(mode: Mode) {
  return z
    .strictObject({
      perMinute: whole(
        { min: 0, max: 6000, why: 'all of them in a second' },
        'Per cent of the clients that are off home when their home comes back, a minute; 0: none.',
      ).prefault(0),
      minAge: duration(
        { min: 0, max: DAY },
        mode,
        'Clients with a session that is younger stay for now, and no client is moved twice in this time.',
      ).prefault('5m'),
    })
    .prefault({})
    .describe('Whether clients are brought home, by closing their sessions elsewhere, when their home comes back.')
}

function limits(mode: Mode) {
  return z
    .strictObject({
      sessionsPerKey: whole(SESSIONS, 'Most sessions of one client at one time; 0: no limit.').prefault(0),
      newPerSecondPerKey: whole(RATE, 'New sessions of one client a second; 0: no limit.').prefault(0),
      burst: whole(RATE, 'New sessions of one client at once; 0: as many as in a second.').prefault(0),
      admitPerSecond: whole(RATE, 'New sessions that each backend takes a second; more wait. 0: no limit.').prefault(0),
      queue: queue(mode),
    })
    .prefault({})
    .describe('What one client may have (a client is what affinity makes of it), and how fast backends take new ones.')
}

function queue(mode: Mode) {
  return z
    .strictObject({
      size: whole(WAITERS, 'Most clients that wait; 0: who finds the pool full is closed at once.').prefault(0),
      timeout: duration({ min: 1, max: HOUR }, mode, 'How long a client waits before it is closed.').prefault('5s'),
    })
    .prefault({})
    .describe('Where clients wait while every backend is at its maxSessions: first come, first served.')
}

function affinity(mode: Mode) {
  return z
    .strictObject({
      key: keys(
        'Where the key of a client is: one source, or a list of which the first counts that yields one. source: its IP address.',
      ).prefault('source'),
      fallback: oneOf(
        ['source', 'refuse', 'random'],
        'What becomes of a client without a key. source: its address is the key; refuse: it is closed; random: it goes to the least loaded backend.',
      ).prefault('source'),
      cookie: cookie(mode),
      postgres: z
        .strictObject({
          tls: oneOf(
            ['miss', 'refuse'],
            'What becomes of a client that asks for encryption before it says who it is. miss: it has no key; refuse: Limpet answers that there is none here, and it goes on without.',
          ).prefault('miss'),
        })
        .prefault({})
        .describe('Keys of clients of PostgreSQL.'),
      ipv4Prefix: whole({ min: 1, max: 32 }, 'Bits of an IPv4 address that count.').prefault(32),
      ipv6Prefix: wholeOrAuto(
        { min: 1, max: 128 },
        'Bits of an IPv6 address that count. auto: keys are /64s, homes those of their /56, and clients of a hot /64 are spread by their whole addresses.',
      ).prefault(64),
      hotKey: hotKey(),
    })
    .prefault({})
    .describe('What identifies a client.')
}

/** What of a backend can be changed while it serves. */
function backendKeys(mode: Mode) {
  return {
    address: backendAddress('Where the server is reached'),
    weight: whole({ min: 0, max: 65_535 }, 'Its share of the clients; 0: no new keys.'),
    maxSessions: whole(SESSIONS, 'Most sessions at one time; 0: no limit of its own.'),
    backup: yesNo('Whether it serves only while no other backend takes new clients.'),
    state: oneOf(
      ['ready', 'drain', 'drain-hard', 'maint'],
      'What is wanted of it. drain: only clients with a pin; drain-hard: nobody; maint: nobody, and no checks.',
    ),
    health: backendHealth(mode),
  }
}

function backend(mode: Mode) {
  const { address, weight, maxSessions, backup, state, health } = backendKeys(mode)
  return z.strictObject({
    name: name(
      'Stable name, different from those of the other backends of the pool. Homes depend on it, not on the address.',
    ),
    address,
    weight: weight.prefault(1),
    maxSessions: maxSessions.prefault(0),
    backup: backup.prefault(false),
    state: state.prefault('ready'),
    health,
  })
}

function backendChanges() {
  const { address, weight, maxSessions, backup, state, health } = backendKeys('options')
  return z.strictObject({
    address: address.optional(),
    weight: weight.optional(),
    maxSessions: maxSessions.optional(),
    backup: backup.optional(),
    state: state.optional(),
    health,
  })
}

/** A backend, as programs give it. */
export const backendSchema = backend('options')

/** Those of a file of their own. */
export const backendListSchema = z.array(backend('yaml')).max(LIMITS.backends)

export const backendChangesSchema = backendChanges()

/** What a plan asks about. */
export const planSchema = z.strictObject({
  add: z.array(backendSchema).max(LIMITS.backends).prefault([]),
  remove: z.array(name('Name of a backend of the pool.')).max(LIMITS.backends).prefault([]),
  update: z.record(name('Name of a backend of the pool.'), backendChangesSchema).prefault({}),
})

function pool(mode: Mode) {
  return z
    .strictObject({
      placement: oneOf(['rendezvous', 'ring'], 'How the order of the backends is made for a key.').prefault(
        'rendezvous',
      ),
      boundedLoad: boundedLoad(),
      secret: secret(
        "What makes homes unpredictable for clients. Default: derived from the pool's name, which clients may guess.",
      ).optional(),
      affinity: affinity(mode),
      stickTable: stickTable(mode),
      timeouts: timeouts(mode),
      maxSessions: whole(
        SESSIONS,
        'Most sessions of all its backends together at one time; 0: no limit of its own.',
      ).prefault(0),
      retries: whole({ min: 0, max: 16 }, 'Further tries after a failed connect, each on another backend.').prefault(3),
      health: health(mode),
      failOpen: failOpen(),
      ejection: ejection(mode),
      returnHome: oneOf(
        ['never', 'next-connect', 'after-idle'],
        'When a client that was sent elsewhere goes home again, if home has room: never, with its next connection, or with the next one after all others have ended.',
      ).prefault('never'),
      rebalance: rebalance(mode),
      agent: agent(mode),
      limits: limits(mode),
      slowStart: duration(
        { min: 0, max: HOUR },
        mode,
        'How long a backend that serves again takes to get all of its clients; 0: it gets them at once.',
      ).prefault('0s'),
      sendProxy: sendProxy(),
      source: source(),
      backends: z
        .union([
          z.array(backend(mode)).max(LIMITS.backends),
          ...discoveryForms(mode, { backends: LIMITS.backends, sessions: SESSIONS }),
        ])
        .prefault([])
        .describe('The servers, or where they are found: by DNS, or in a file.'),
      backendTls: backendTls(),
    })
    .superRefine(({ health: pool, backends }, context) => {
      const parts = Array.isArray(backends)
        ? backends.map((part, index) => ({ part, at: ['backends', index] }))
        : [{ part: 'command' in backends ? {} : backends, at: ['backends'] }]
      for (const { part, at } of parts) {
        for (const { path, message, accepted } of backendHealthProblems(pool, part)) {
          const place = [...at, 'health', ...path]
          context.addIssue({ code: 'custom', path: place, message, params: { accepted } })
        }
      }
    })
    .describe('A set of backends with one affinity policy.')
}

function listener(mode: Mode) {
  return z.strictObject({
    name: name('Its name, different from those of the other listeners.'),
    bind: bindAddress(mode, 'Where it listens: host:port, "[v6]:port", :port or unix:/path. Port 0: a free port.'),
    pool: reference('Name of the pool that its clients go to; or route.', 'pool').optional(),
    route: routes(mode),
    acceptor: oneOf(
      ['auto', 'net', 'native'],
      'How clients are accepted. native: by the threads of the native relay (Linux); net: by Node. auto: native where it can be.',
    ).prefault('auto'),
    relay: oneOf(
      ['auto', 'native', 'stream'],
      'How bytes are carried. auto: native where it exists (Linux), otherwise stream.',
    ).prefault('auto'),
    maxSessions: whole(
      SESSIONS,
      'Most sessions of this listener at one time; 0: only the limit of open files.',
    ).prefault(0),
    backlog: whole(QUEUE, 'Clients that may wait to be accepted; the system cuts it to net.core.somaxconn.').prefault(
      4096,
    ),
    deferAccept: durationSwitch(
      { min: 1000, max: 300_000, wholeSeconds: true },
      ON.deferAcceptMs,
      mode,
      'How long a client waits for its first byte before it is accepted (TCP_DEFER_ACCEPT): for protocols in which the client speaks first.',
    ).prefault('off'),
    fastOpen: wholeSwitch(
      QUEUE,
      ON.fastOpen,
      'Clients that may send data with their first packet (TCP_FASTOPEN): the length of their queue.',
    ).prefault('off'),
    peek: peek(mode),
    proxyProtocol: proxyProtocol(
      mode,
      networks('Proxies that may say who their clients are; everybody else is closed.'),
    ),
    tls: listenerTls(mode),
    allow: networks('Clients of these networks are taken, and no others; empty: all that are not denied.'),
    deny: networks('Clients of these networks are closed at once, allowed or not.'),
  })
}

function networks(description: string) {
  return z
    .array(network('An IP address or a network, like 10.0.0.0/8.'))
    .max(LIMITS.networks)
    .prefault([])
    .describe(description)
}

function log() {
  return z
    .strictObject({
      level: oneOf(
        ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
        'Lines less important than this are not written.',
      ).prefault('info'),
      sessions: shareSwitch('A line for every session that ended, or for a share of them, chosen at random.').prefault(
        'off',
      ),
    })
    .prefault({})
    .describe('What is written to the log.')
}

function documentSchema(mode: Mode) {
  return z
    .strictObject({
      listeners: z.array(listener(mode)).max(LIMITS.listeners).prefault([]).describe('Addresses that accept clients.'),
      pools: z.record(name('The name of the pool.'), pool(mode)).describe('Sets of backends, by name.'),
      threads: wholeOrAuto(
        { min: 1, max: 64 },
        'Threads of the native relay. auto: one for each core, at most 4.',
      ).prefault('auto'),
      shutdownTimeout: duration(
        { ...TIMER, min: 0 },
        mode,
        'How long sessions may go on after a stop was asked for; then they are closed.',
      ).prefault('30s'),
      state: filePath(
        'A file that keeps what was changed while it ran, for the next start; relative to the configuration file. off: nothing is kept.',
        'LIMPET_ERR_CONFIG',
      ).prefault('off'),
      user: systemName(
        'The user that limpet run becomes when ports below 1024 are open. Only root can become another one.',
        'user',
      ).optional(),
      group: systemName('The group that limpet run becomes. Left out: the primary group of user.', 'group').optional(),
      log: log(),
      admin: admin(),
      cluster: cluster(mode),
    })
    .describe('Configuration of Limpet, a TCP affinity balancer.')
}

/** The whole document, in each of its two forms. Everything else about the configuration is made from these. */
export const SCHEMAS = { yaml: documentSchema('yaml'), options: documentSchema('options') } as const

/** A document in which every value has been read and every default filled in. */
export type ParsedDocument = z.output<(typeof SCHEMAS)['options']>
