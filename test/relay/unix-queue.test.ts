import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { expect } from 'chai'
import { Directory } from '../helpers/directory.ts'
import { Program } from '../helpers/programs.ts'
import { forEachRelay } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { Backend, named } from '../helpers/servers.ts'
import { until } from '../helpers/wait.ts'

const SERVER = `
const { createServer } = require('node:net')
const server = createServer(socket => { socket.on('error', () => {}); socket.end('here\\n') })
server.listen({ path: process.argv[1], backlog: 1 }, () => console.log('it listens'))`

/** A server on a unix socket that accepts nobody for a while, and whose queue is full. */
class Crowded implements AsyncDisposable {
  readonly path: string
  readonly #program: Program
  readonly #waiting: Socket[] = []

  private constructor(path: string) {
    this.path = path
    this.#program = new Program(process.execPath, ['-e', SERVER, path])
  }

  static async start(path: string): Promise<Crowded> {
    const server = new Crowded(path)
    await server.#program.says('it listens')
    server.#program.child.kill('SIGSTOP')
    await until('its queue to be full', () => server.#fill())
    return server
  }

  goOn(): void {
    this.#program.child.kill('SIGCONT')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.goOn()
    for (const socket of this.#waiting) socket.destroy()
    await this.#program[Symbol.asyncDispose]()
  }

  async #fill(): Promise<boolean> {
    const socket = connect(this.path)
    try {
      await once(socket, 'connect')
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EAGAIN'
    }
    this.#waiting.push(socket.on('error', () => undefined).resume())
    return false
  }
}

forEachRelay('a unix socket whose queue is full', pair => {
  let directory: Directory
  let crowded: Crowded

  beforeEach(async () => {
    directory = await Directory.make()
    crowded = await Crowded.start(directory.file('backend'))
  })

  afterEach(async () => {
    await crowded[Symbol.asyncDispose]()
    await directory[Symbol.asyncDispose]()
  })

  it('is waited for, and not blamed', async () => {
    await using rig = await Rig.open(pair, { backends: [{ name: 'a', address: `unix:${crowded.path}` }] })
    const client = await rig.connect()
    await until('the client to have a seat', () => rig.balancer.pool().backends()[0]?.sessions === 1)
    crowded.goOn()
    expect(await client.line()).to.equal('here')
    client.finish()
    await rig.settle()
    expect(rig.counters).to.include({ opened: 1, connectOther: 0, connectTimeout: 0 })
    expect(rig.balancer.pool().backends()[0]?.connectFailures).to.equal(0)
  })

  it('is given up after the connect timeout', async () => {
    await using live = await Backend.start({ name: 'live', serve: named })
    await using rig = await Rig.open(pair, {
      backends: [{ name: 'crowded', address: `unix:${crowded.path}` }, live],
      pool: { timeouts: { connect: 200 }, boundedLoad: 'off' },
    })
    const { order } = rig.balancer.pool().explain('127.0.0.1')
    const client = await rig.connect()
    expect(await client.line()).to.equal('live')
    expect(rig.counters).to.include({ opened: 1, connectOther: 0, connectTimeout: order[0] === 'crowded' ? 1 : 0 })
    rig.hangUp()
    await rig.settle()
  })
})
