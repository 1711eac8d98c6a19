// What it costs to share exceptions, beside HAProxy's peers: node --import ./test/helpers/typescript/register.mjs
// bench/cluster/run.ts [FILE]
// Needs redis-server and haproxy, and the compiled library. Prints a table; writes the figures into FILE as JSON.
//
// 1. Connection time, a round trip included, through `limpet run` without a cluster, with one, and with one whose store is
//    stopped (SIGSTOP), in turns.
// 2. A table of PINS entries of which SHARE are not at home: bytes and seconds until a balancer that runs knows them (the
//    stream), and until one that starts does (the snapshot). HAProxy: the same number of entries in a stick table.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Balancer, type BalancerOptions } from '../../src/index.ts'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const PINS = Number(process.env.PINS ?? 1_000_000)
const SHARE = 0.03
const ROUNDS = Number(process.env.ROUNDS ?? 7)
const CONNECTIONS = 1000
/** Connections that are left out after a change: what is measured is not the change. */
const WARM = 100
const NAMES = ['a', 'b', 'c', 'd']

interface Running {
  child: ChildProcess
  output: string
}

interface Figures {
  connections: Awaited<ReturnType<typeof connectionTimes>>
  limpet: Awaited<ReturnType<typeof limpet>>
  haproxy: Awaited<ReturnType<typeof haproxy>>
}

const directory = await mkdtemp(join(tmpdir(), 'limpet-bench-'))
const children: Running[] = []

try {
  const facts = { date: new Date().toISOString().slice(0, 10), ...machine() }
  const connections = await connectionTimes()
  const figures = { ...facts, connections, limpet: await limpet(), haproxy: await haproxy() }
  console.log(table(figures))
  const [, , file] = process.argv
  if (file !== undefined) await writeFile(file, `${JSON.stringify(figures, undefined, 2)}\n`)
} finally {
  for (const { child } of children) {
    child.kill('SIGCONT')
    child.kill('SIGKILL')
  }
  await rm(directory, { recursive: true, force: true })
}

function machine() {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
  const [first] = cpus()
  return { machine: `${first?.model} x ${cpus().length}`, node: process.version, commit, pins: PINS, share: SHARE }
}

function start(file: string, args: readonly string[]): Running {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const running: Running = { child, output: '' }
  children.push(running)
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      running.output += text
    })
  }
  return running
}

async function until(what: string, check: () => boolean | Promise<boolean>, limitMs = 180_000): Promise<number> {
  const began = performance.now()
  while (!(await check())) {
    if (performance.now() - began > limitMs) throw new Error(`${what}: not within ${limitMs} ms`)
    await sleep(5)
  }
  return (performance.now() - began) / 1000
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const port = portOf(server)
  server.close()
  await once(server, 'close')
  return port
}

async function redis() {
  const port = await freePort()
  const running = start('redis-server', [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
  ])
  await until('redis-server', () => running.output.includes('Ready to accept'))
  const info = (name: string): number => {
    const text = execFileSync('redis-cli', ['-p', String(port), 'INFO'], { encoding: 'utf8' })
    return Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(text)?.[1])
  }
  return { child: running.child, url: `redis://127.0.0.1:${port}`, info }
}

async function limpetRun(name: string, backend: string, cluster: Partial<BalancerOptions>): Promise<number> {
  const config = {
    listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: 'p' }],
    pools: {
      p: {
        ...{ secret: 'a secret of benches', health: 'off', boundedLoad: 1.0, stickTable: { size: 100_000 } },
        backends: NAMES.map(one => ({ name: one, address: backend })),
      },
    },
    ...cluster,
    log: { level: 'info', sessions: 'off' },
  }
  const file = join(directory, `${name}.json`)
  await writeFile(file, JSON.stringify(config))
  const running = start(process.execPath, [MAIN, 'run', '-c', file])
  await until(name, () => running.output.includes('"msg":"ready"'))
  return Number(/"address":"127\.0\.0\.1:(\d+)"/.exec(running.output)?.[1])
}

async function connectionTimes() {
  const echo = createServer(socket => {
    socket.on('error', () => undefined).pipe(socket)
  }).listen(0, '127.0.0.1')
  await once(echo, 'listening')
  const backend = `127.0.0.1:${portOf(echo)}`
  const store = await redis()
  const alone = await limpetRun('alone', backend, {})
  const shared = await limpetRun('shared', backend, { cluster: { url: store.url } })
  const times: Record<string, number[]> = { alone: [], healthy: [], stopped: [] }
  for (let round = 0; round < ROUNDS; round++) {
    for (const [kind, all] of Object.entries(times)) {
      if (kind === 'stopped') store.child.kill('SIGSTOP')
      all.push(...(await connections(kind === 'alone' ? alone : shared, round)).slice(WARM))
      if (kind === 'stopped') {
        store.child.kill('SIGCONT')
        await sleep(3000)
      }
    }
  }
  echo.close()
  const [begin, middle, end] = [0, 0.5, 0.99]
  return Object.fromEntries(
    Object.entries(times).map(([kind, all]) => {
      all.sort((one, other) => one - other)
      const at = (part: number): number => Math.round((all[Math.floor(part * all.length)] ?? 0) * 1000)
      return [kind, { leastUs: at(begin), medianUs: at(middle), p99Us: at(end), count: all.length }]
    }),
  )
}

async function connections(port: number, round: number): Promise<number[]> {
  const times: number[] = []
  for (let at = 0; at < CONNECTIONS; at++) {
    const began = performance.now()
    const localAddress = `127.${1 + (round % 100)}.${at >> 8}.${2 + (at & 127)}`
    const socket = connect({ host: '127.0.0.1', port, localAddress, noDelay: true })
    socket.write('x')
    await once(socket, 'data')
    times.push(performance.now() - began)
    socket.destroy()
  }
  return times
}

function address(n: number): string {
  return `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`
}

async function balancer(url: string): Promise<Balancer> {
  const made = new Balancer({
    log: { level: 'silent' },
    pools: {
      p: {
        ...{
          secret: 'a secret of benches',
          health: 'off' as const,
          boundedLoad: 'off' as const,
          stickTable: { size: PINS * 1.5 },
        },
        backends: NAMES.map((name, at) => ({ name, address: `127.0.0.1:${9001 + at}` })),
      },
    },
    cluster: { url, startTimeout: '120s' },
  })
  await made.listen()
  return made
}

async function limpet() {
  const store = await redis()
  const one = await balancer(store.url)
  const other = await balancer(store.url)
  const count = Math.round(PINS * SHARE)
  const pool = one.pool('p')
  for (let at = 0; at < PINS; at++) pool.pick(address(at)).release()
  const names = ['used_memory', 'total_net_input_bytes', 'total_net_output_bytes']
  const [memory = 0, read = 0, written = 0] = names.map(store.info)
  const began = performance.now()
  for (let at = 0; at < count; at++) {
    const { home } = pool.explain(address(at))
    pool.table.set(address(at), NAMES.find(name => name !== home) ?? '')
    // As clients come: not all at once, nor more than the queue holds.
    if (at % 1000 === 999) await until('room in the queue', () => (one.stats().cluster?.backlog ?? 0) < 8000)
  }
  const known = (one: Balancer): number => {
    const { stored = 0, same = 0 } = one.stats().cluster?.adopted ?? {}
    return stored + same
  }
  const madeSeconds = (performance.now() - began) / 1000
  await until('the other one to know', () => known(other) >= count)
  const stream = {
    seconds: Number(((performance.now() - began) / 1000).toFixed(2)),
    madeSeconds: Number(madeSeconds.toFixed(2)),
    toStore: store.info('total_net_input_bytes') - read,
    fromStore: store.info('total_net_output_bytes') - written,
    storeMemory: store.info('used_memory') - memory,
  }
  const before = store.info('total_net_output_bytes')
  const startedAt = performance.now()
  const fresh = await balancer(store.url)
  const snapshot = {
    seconds: Number(((performance.now() - startedAt) / 1000).toFixed(2)),
    known: known(fresh),
    fromStore: store.info('total_net_output_bytes') - before,
  }
  await Promise.all([one, other, fresh].map(made => made.close({ timeoutMs: 0 })))
  return { exceptions: count, stream, snapshot }
}

/** HAProxy's peers: `two` connects to `one` through a port that counts, as `one` does to it. */
async function haproxy() {
  const ports = { one: await freePort(), two: await freePort() }
  const counted = { bytes: 0 }
  const ways = await Promise.all(Object.values(ports).map(port => counting(port, counted)))
  const socketOf = (name: string): string => join(directory, `${name}.sock`)
  const run = async (name: string, peers: Record<string, number>): Promise<ChildProcess> => {
    const file = join(directory, `${name}.cfg`)
    const lines = [
      'global',
      ` stats socket ${socketOf(name)} level admin`,
      ` localpeer ${name}`,
      'defaults',
      ' mode tcp',
    ]
    lines.push(' timeout connect 5s', ' timeout client 60s', ' timeout server 60s', 'peers mesh')
    lines.push(...Object.entries(peers).map(([peer, port]) => ` peer ${peer} 127.0.0.1:${port}`))
    lines.push(
      'backend t',
      ` stick-table type ip size ${PINS * 1.5} expire 30m store gpt0 peers mesh`,
      ' server a 127.0.0.1:1',
      '',
    )
    await writeFile(file, lines.join('\n'))
    const running = start('haproxy', ['-db', '-f', file])
    await until(name, async () => {
      if (running.child.exitCode !== null) throw new Error(running.output)
      return /t, type/.test(await ask(socketOf(name), 'show table').catch(() => ''))
    })
    return running.child
  }
  const [toOne = 0, toTwo = 0] = ways.map(portOf)
  await run('one', { one: ports.one, two: toTwo })
  const two = await run('two', { one: toOne, two: ports.two })
  const used = async (name: string): Promise<number> =>
    Number(/used:(\d+)/.exec(await ask(socketOf(name), 'show table'))?.[1])
  const began = performance.now()
  await fill(socketOf('one'))
  const filledSeconds = (performance.now() - began) / 1000
  await until('the other HAProxy to know', async () => (await used('two')) >= PINS)
  const stream = {
    seconds: Number(((performance.now() - began) / 1000).toFixed(2)),
    madeSeconds: Number(filledSeconds.toFixed(2)),
    bytes: counted.bytes,
  }
  two.kill('SIGKILL')
  await once(two, 'close')
  counted.bytes = 0
  const startedAt = performance.now()
  await run('two', { one: toOne, two: ports.two })
  await until('a HAProxy that starts to know', async () => (await used('two')) >= PINS)
  const snapshot = { seconds: Number(((performance.now() - startedAt) / 1000).toFixed(2)), bytes: counted.bytes }
  for (const way of ways) way.close()
  return {
    version: execFileSync('haproxy', ['-v'], { encoding: 'utf8' }).split(' ')[2],
    entries: PINS,
    stream,
    snapshot,
  }
}

async function counting(port: number, counted: { bytes: number }): Promise<Server> {
  const server = createServer(near => {
    const far = connect(port, '127.0.0.1')
    const directions: [Socket, Socket][] = [
      [near, far],
      [far, near],
    ]
    for (const [from, to] of directions) {
      from.on('error', () => undefined).on('close', () => to.destroy())
      from.on('data', bytes => {
        counted.bytes += bytes.length
        if (!to.write(bytes)) {
          from.pause()
          to.once('drain', () => from.resume())
        }
      })
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

async function ask(path: string, command: string): Promise<string> {
  const socket = connect({ path })
  socket.end(`${command}\n`)
  let text = ''
  for await (const bytes of socket) {
    text += bytes
    // Of a table only the first line: how many it has.
    if (command === 'show table' && text.includes('\n')) break
  }
  return text
}

/** So many commands a connection as a buffer takes. */
async function fill(path: string): Promise<void> {
  const AT_ONCE = 150
  for (let from = 0; from < PINS; from += AT_ONCE) {
    const commands = Array.from({ length: Math.min(AT_ONCE, PINS - from) }, (_, at) => {
      return `set table t key ${address(from + at)} data.gpt0 ${1 + ((from + at) % NAMES.length)}`
    })
    await ask(path, commands.join(';'))
  }
}

function table({ connections: times, limpet: ours, haproxy: theirs, ...facts }: Figures): string {
  const lines = [JSON.stringify(facts), '', 'connection      median us   p99 us']
  for (const [kind, { medianUs, p99Us }] of Object.entries(times))
    lines.push(`${kind.padEnd(14)} ${String(medianUs).padStart(9)} ${String(p99Us).padStart(9)}`)
  lines.push('', JSON.stringify(ours), JSON.stringify(theirs))
  return lines.join('\n')
}
