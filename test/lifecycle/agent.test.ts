import { once } from 'node:events'
import { expect } from 'chai'
import type { Balancer } from '../../src/balancer.ts'
import type { BackendAgentChange } from '../../src/balancer-types.ts'
import type { BackendOptions, HealthOptions, PoolOptions } from '../../src/config/options.ts'
import { Metrics } from '../../src/metrics/metrics.ts'
import type { BackendAgent } from '../../src/pool/agents.ts'
import type { BackendInfo } from '../../src/pool/pool.ts'
import { forEachRelay, type RelayPair } from '../helpers/relays.ts'
import { Backend, named, type Serve } from '../helpers/servers.ts'
import { until, within } from '../helpers/wait.ts'
import { afterTest, ask, cleanUp, connectTo, firstData, makeBalancer, portOf, readAll } from './helpers.ts'

const CLIENTS = Array.from({ length: 120 }, (_, n) => `127.0.9.${n + 1}`)
const HOSTS = { a: '127.0.0.2', b: '127.0.0.3', c: '127.0.0.4' } as const
const CHECKS: HealthOptions = { interval: '10ms', fastInterval: '10ms', timeout: '10s' }

async function started(settings: Parameters<typeof Backend.start>[0]): Promise<Backend> {
  const backend = await Backend.start(settings)
  afterTest(() => backend[Symbol.asyncDispose]())
  return backend
}

/** The agent of the backend `a`; those of the others refuse. */
class Agent {
  line = 'up ready 100%\n'
  /** How an answer is given. */
  answer: Serve = ({ socket }) => void socket.end(this.line)
  server!: Backend

  static async start(): Promise<Agent> {
    const agent = new Agent()
    const serve: Serve = (conn, backend) => {
      // Whoever asks ends when it has heard enough.
      conn.socket.once('end', () => conn.socket.end()).resume()
      return agent.answer(conn, backend)
    }
    agent.server = await started({ name: 'agent', host: HOSTS.a, serve })
    return agent
  }

  /** Says something else, and waits until it was heard. */
  async say(balancer: Balancer, line: string): Promise<BackendAgent> {
    const told = once(balancer, 'backendAgent') as Promise<[BackendAgentChange]>
    this.line = line
    const [change] = await within(`the agent's ${JSON.stringify(line)} to be heard`, told)
    expect(change).to.include({ pool: 'p', name: 'a' })
    return change.agent
  }
}

async function balancing(pair: RelayPair, agent: Agent, pool: PoolOptions = {}): Promise<Balancer> {
  const backends: BackendOptions[] = []
  for (const [name, host] of Object.entries(HOSTS)) {
    const { address } = await started({ name, host, serve: named })
    backends.push({ name, address })
  }
  const balancer = makeBalancer(
    {
      backends,
      agent: { port: agent.server.port, interval: '100ms' },
      boundedLoad: 'off',
      stickTable: 'off',
      failOpen: 'off',
      ...pool,
    },
    { listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: 'p', ...pair.listener }] },
  )
  await balancer.listen()
  return balancer
}

function infoOf(balancer: Balancer, name = 'a'): BackendInfo {
  return (
    balancer
      .pool()
      .backends()
      .find(backend => backend.name === name) ?? expect.fail(`there is no ${name}`)
  )
}

/** Where each client is served. */
async function visits(balancer: Balancer, clients: readonly string[] = CLIENTS): Promise<Map<string, string>> {
  const answers = new Map<string, string>()
  for (const client of clients) answers.set(client, (await ask(portOf(balancer), '', client)).trim())
  return answers
}

function homesOf(balancer: Balancer): Map<string, string> {
  return new Map(CLIENTS.map(client => [client, balancer.pool().explain(client).home ?? '']))
}

function at(answers: Map<string, string>, name: string): string[] {
  return [...answers].filter(([, backend]) => backend === name).map(([client]) => client)
}

forEachRelay('agents', pair => {
  afterEach(cleanUp)

  it('give a backend a part of its clients, and nobody moves twice', async () => {
    const agent = await Agent.start()
    const balancer = await balancing(pair, agent)
    const homes = homesOf(balancer)
    const { digest } = balancer.pool()
    expect(await visits(balancer)).to.deep.equal(homes)
    const all = at(homes, 'a')
    let before: string[] = []
    // Half of some forty: all of them or none would take a coin that falls alike forty times.
    for (const share of [0, 50, 100]) {
      expect(await agent.say(balancer, `${share}%\n`)).to.include({ weight: share, isReached: true })
      const answers = await visits(balancer)
      const now = at(answers, 'a')
      expect(now).to.include.members(before)
      expect([now.length > 0, now.length < all.length]).to.deep.equal([share > 0, share < 100])
      for (const [client, home] of homes) if (home !== 'a') expect(answers.get(client)).to.equal(home)
      before = now
    }
    expect(before).to.deep.equal(all)
    expect(balancer.pool().digest).to.equal(digest)
  })

  it('drain a backend: those with a pin come, nobody else', async () => {
    const agent = await Agent.start()
    const balancer = await balancing(pair, agent, { stickTable: { size: 1000 } })
    const [known = '', ...others] = at(homesOf(balancer), 'a')
    expect((await visits(balancer, [known])).get(known)).to.equal('a')
    await agent.say(balancer, 'drain\n')
    expect(infoOf(balancer)).to.include({ state: 'ready' })
    expect((await visits(balancer, [known])).get(known)).to.equal('a')
    expect(at(await visits(balancer, others), 'a')).to.deep.equal([])
    await agent.say(balancer, 'ready\n')
    // Their pins are elsewhere now; a client that never came is sent home.
    expect(balancer.pool().pick('127.200.0.1').backend).to.equal(balancer.pool().explain('127.200.0.1').home)
  })

  it('never override an operator', async () => {
    const agent = await Agent.start()
    const balancer = await balancing(pair, agent)
    const clients = at(homesOf(balancer), 'a').slice(0, 5)
    balancer.pool().update('a', { state: 'maint' })
    await agent.say(balancer, 'drain\n')
    await agent.say(balancer, 'ready up\n')
    expect(infoOf(balancer).state).to.equal('maint')
    expect(at(await visits(balancer, clients), 'a')).to.deep.equal([])
    balancer.pool().update('a', { state: 'ready' })
    expect(at(await visits(balancer, clients), 'a')).to.deep.equal(clients)
    await agent.say(balancer, 'maint\n')
    balancer.pool().update('a', { state: 'ready', weight: 1 })
    expect(at(await visits(balancer, clients), 'a')).to.deep.equal([])
  })

  it('limit the sessions of a backend', async () => {
    const agent = await Agent.start()
    agent.line = 'maxconn:2\n'
    const balancer = await balancing(pair, agent)
    const clients = at(homesOf(balancer), 'a').slice(0, 4)
    // It is heard before anybody is served.
    expect(infoOf(balancer).agent).to.include({ maxSessions: 2, isReached: true })
    const answers: string[] = []
    for (const client of clients) answers.push((await firstData(await connectTo(portOf(balancer), client))).trim())
    expect(answers.filter(name => name === 'a').length).to.equal(2)
    expect(infoOf(balancer)).to.include({ sessions: 2, maxSessions: 0 })
  })

  it('take a backend out and in, and its sessions end where the pool wants that', async () => {
    const agent = await Agent.start()
    const health: HealthOptions = { ...CHECKS, onDown: { sessions: 'close', perSecond: 0 } }
    const balancer = await balancing(pair, agent, { health, failOpen: 100 })
    const clients = at(homesOf(balancer), 'a').slice(0, 5)
    const [first = ''] = clients
    const session = await connectTo(portOf(balancer), first)
    expect((await firstData(session)).trim()).to.equal('a')
    const all = readAll(session)
    expect(await agent.say(balancer, 'down#disk full\n')).to.include({ isUp: false, reason: 'disk full' })
    // Whatever `failOpen` says of checks.
    expect(at(await visits(balancer, clients), 'a')).to.deep.equal([])
    await within('the session to be closed', all)
    expect(infoOf(balancer).health?.status).to.equal('up')
    await agent.say(balancer, 'up\n')
    expect(at(await visits(balancer, clients), 'a')).to.deep.equal(clients)
  })
})

describe('agents', function () {
  this.timeout(300_000)
  afterEach(cleanUp)
  const native: RelayPair = {
    name: '',
    listener: { acceptor: 'auto', relay: 'auto' },
    relay: 'native',
  }

  it('that do not answer change nothing, and are counted', async () => {
    const agent = await Agent.start()
    const balancer = await balancing(native, agent)
    await until('the agent of b to have failed', () => (infoOf(balancer, 'b').agent?.failures ?? 0) > 1)
    expect(infoOf(balancer, 'b').agent).to.include({ isReached: false, weight: 100, state: 'ready', isUp: true })
    await agent.say(balancer, 'drain 30% maxconn:3\n')
    const ways: [string, Serve][] = [
      ['silence', () => undefined],
      ['nothing', ({ socket }) => void socket.end()],
      ['an empty line', ({ socket }) => void socket.end('\r\n')],
      ['a reset', conn => conn.reset()],
      ['no end', ({ socket }) => void socket.end(`ready ${'x'.repeat(2000)}`)],
    ]
    for (const [what, answer] of ways) {
      const { failures = 0 } = infoOf(balancer).agent ?? {}
      agent.answer = answer
      await until(`${what} to be counted`, () => (infoOf(balancer).agent?.failures ?? 0) > failures + 1)
      const said = infoOf(balancer).agent
      expect(said, what).to.include({ isReached: false, weight: 30, state: 'drain', maxSessions: 3, isUp: true })
    }
    const { failures = 0 } = infoOf(balancer).agent ?? {}
    const text = await new Metrics(balancer).render()
    const labels = 'pool="p",backend="a"'
    expect(text).to.contain(`limpet_backend_agent_weight_ratio{${labels}} 0.3\n`)
    expect(text).to.contain(`limpet_backend_agent_state{${labels},state="drain"} 1\n`)
    expect(text).to.contain(`limpet_backend_agent_reached{${labels}} 0\n`)
    expect(text).to.contain(`limpet_backend_agent_max_sessions{${labels}} 3\n`)
    const [, counted] = new RegExp(`limpet_backend_agent_failures_total{${labels}} (\\d+)\n`).exec(text) ?? []
    expect(Number(counted)).to.be.at.least(failures)
    await until('what is asked to be closed', () => agent.server.live.size <= 1)
  })

  it('may answer in pieces, with either line end or none', async () => {
    const agent = await Agent.start()
    const balancer = await balancing(native, agent)
    agent.answer = async ({ socket }) => {
      for (const letter of agent.line) {
        if (socket.destroyed) return
        socket.write(letter)
        await new Promise(setImmediate)
      }
      socket.end()
    }
    expect(await agent.say(balancer, '70%\ndrain\n')).to.include({ weight: 70, state: 'ready' })
    expect(await agent.say(balancer, '60%\r\n')).to.include({ weight: 60 })
    expect(await agent.say(balancer, '50%')).to.include({ weight: 50 })
    expect(await agent.say(balancer, 'strange maint')).to.include({ weight: 50, state: 'maint' })
  })

  it('that want maintenance end the checks', async () => {
    const agent = await Agent.start()
    const balancer = await balancing(native, agent, { health: CHECKS })
    expect(infoOf(balancer).health?.status).to.equal('up')
    await agent.say(balancer, 'maint\n')
    expect(infoOf(balancer).health).to.deep.equal({ status: 'unknown' })
    await agent.say(balancer, 'ready\n')
    await until('it to be checked again', () => infoOf(balancer).health?.status === 'up')
  })

  it('are those of the host that a backend has now', async () => {
    const agent = await Agent.start()
    const balancer = await balancing(native, agent)
    await agent.say(balancer, 'drain\n')
    const elsewhere = await started({ name: 'a', host: '127.0.0.5', serve: named })
    balancer.pool().update('a', { address: elsewhere.address })
    expect(infoOf(balancer).agent).to.include({ isReached: false, state: 'ready' })
    balancer.pool().remove('a')
    balancer.pool().add({ name: 'new', address: `${HOSTS.a}:1` })
    await until('the agent of the new one to be heard', () => infoOf(balancer, 'new').agent?.state === 'drain')
  })
})
