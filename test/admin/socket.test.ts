import { execFile } from 'node:child_process'
import { chmodSync, linkSync, lstatSync, readdirSync, renameSync, unlinkSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { TYPESCRIPT } from '../helpers/typescript/arguments.ts'
import { until } from '../helpers/wait.ts'
import { afterTest, cleanUp, makeBalancer, portOf, rejection } from '../lifecycle/helpers.ts'
import { AdminClient, dialOf, openAdmin, openAdminOnTcp, socketPath, TOKEN } from './helpers.ts'

const PERMISSIONS = 0o777

/** Calls back as often as it can until it is told to stop. */
function watch(look: () => void): () => void {
  let isWatching = true
  const turn = (): void => {
    look()
    if (isWatching) setImmediate(turn)
  }
  turn()
  return () => {
    isWatching = false
  }
}

describe('admin API: its unix socket', () => {
  afterEach(cleanUp)

  it('is of its user only, whatever the umask, and never lies where others could open it', async () => {
    const before = process.umask(0)
    afterTest(() => process.umask(before))
    const path = await socketPath()
    const directory = dirname(path)
    chmodSync(directory, PERMISSIONS)
    const modes = new Map<string, number>()
    const stop = watch(() => {
      for (const name of readdirSync(directory)) {
        const stats = lstatSync(join(directory, name), { throwIfNoEntry: false })
        if (stats !== undefined) modes.set(name, (modes.get(name) ?? 0) | (stats.mode & PERMISSIONS))
      }
    })
    const { client } = await openAdmin({ admin: { listen: `unix:${path}` } })
    stop()
    expect(lstatSync(path).mode & PERMISSIONS).to.equal(0o600)
    for (const [name, mode] of modes) expect(mode, name).to.equal(name === 'admin.sock' ? 0o600 : 0o700)
    expect((await client.ask('GET', '/livez')).text).to.equal('ok\n')
    expect(readdirSync(directory)).to.deep.equal(['admin.sock'])
  })

  it('is gone when the balancer is closed, and stays if it is another one by then', async () => {
    const { balancer, client } = await openAdmin()
    const { socketPath: path } = client.dial as { socketPath: string }
    await balancer.close()
    expect(readdirSync(dirname(path))).to.deep.equal([])
    expect(balancer.adminAddress()).to.equal(null)

    const first = await openAdmin({ admin: { listen: `unix:${path}` } })
    unlinkSync(path)
    await openAdmin({ admin: { listen: `unix:${path}` } })
    await first.balancer.close()
    expect((await new AdminClient({ socketPath: path }).ask('GET', '/livez')).status).to.equal(200)
  })

  it('takes the place of one that nobody listens on, and of nothing else', async () => {
    const path = await socketPath()
    const stale = createServer().listen(path)
    await until('a socket', () => lstatSync(path, { throwIfNoEntry: false }) !== undefined)
    // The file of a process that was killed: the name is left, and nobody listens.
    linkSync(path, `${path}.kept`)
    await new Promise(resolve => stale.close(resolve))
    renameSync(`${path}.kept`, path)
    const { balancer } = await openAdmin({ admin: { listen: `unix:${path}` } })
    expect(balancer.adminAddress()).to.equal(path)

    const second = makeBalancer({}, { admin: { listen: `unix:${path}` } })
    const error = await rejection(second.listen())
    expect(error).to.include({ code: 'EADDRINUSE', address: path, isAdmin: true })
    expect(second.status).to.equal('idle')

    const file = `${path}.txt`
    await writeFile(file, 'of somebody else')
    const third = makeBalancer({}, { admin: { listen: `unix:${file}` } })
    expect(await rejection(third.listen())).to.include({ code: 'EADDRINUSE' })
    expect(lstatSync(file).isFile()).to.equal(true)
    expect(readdirSync(dirname(path)).sort()).to.deep.equal(['admin.sock', 'admin.sock.txt'])
  })

  it('needs a directory, and a path that is not too long', async () => {
    const path = await socketPath()
    const missing = makeBalancer({}, { admin: { listen: `unix:${dirname(path)}/none/admin.sock` } })
    expect(await rejection(missing.listen())).to.include({ code: 'ENOENT', isAdmin: true })
    const long = `${dirname(path)}/${'x'.repeat(100 - dirname(path).length)}`
    const tooLong = makeBalancer({}, { admin: { listen: `unix:${long}/a` } })
    expect(await rejection(tooLong.listen())).to.include({ code: 'LIMPET_ERR_BAD_ADDRESS' })
  })
})

describe('admin API: its life', () => {
  afterEach(cleanUp)

  it('opens with the balancer, on TCP too, and not at all where nobody asked for it', async () => {
    const without = makeBalancer()
    await without.listen()
    expect(without.adminAddress()).to.equal(null)
    const { balancer } = await openAdminOnTcp()
    expect(balancer.adminAddress()).to.include({ address: '127.0.0.1', family: 'IPv4' })
    expect(dialOf(balancer)).to.have.property('port').that.is.greaterThan(0)
  })

  it('is loaded only where it is wanted', async () => {
    const fixture = fileURLToPath(new URL('fixtures/lazy.mjs', import.meta.url))
    const args = [...TYPESCRIPT, fixture, await socketPath()]
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: dirname(fixture) })
    const [without, having] = stdout.split('closed\n')
    expect(without).to.equal('')
    expect(having)
      .to.match(/\/src\/admin\/server\.ts/)
      .and.match(/\/node_modules\/hono\//)
  })

  it('leaves nothing open when the balancer cannot be', async () => {
    const taken = makeBalancer()
    await taken.listen()
    const listeners = [{ name: 'l', bind: `127.0.0.1:${portOf(taken)}`, pool: 'p' }]
    const path = await socketPath()
    const balancer = makeBalancer({}, { listeners, admin: { listen: `unix:${path}` } })
    expect(await rejection(balancer.listen())).to.include({ code: 'EADDRINUSE', listener: 'l' })
    expect(balancer.adminAddress()).to.equal(null)
    expect(readdirSync(dirname(path))).to.deep.equal([])
  })

  it('tells whether clients can be served, until the end', async () => {
    const { balancer, client } = await openAdmin()
    const ready = async (): Promise<[number, string]> => {
      const { status, text } = await client.ask('GET', '/readyz')
      return [status, text.trim()]
    }
    expect(await ready()).to.deep.equal([200, 'ok'])
    for (const name of ['a', 'b']) balancer.pool().update(name, { state: 'maint' })
    expect(await ready()).to.deep.equal([503, 'no backend of the pool p may serve'])
    balancer.pool().update('a', { state: 'ready' })
    expect(await ready()).to.deep.equal([200, 'ok'])
    // A session that lives keeps the balancer closing.
    const backend = createServer(socket => socket.write('x')).listen(0, '127.0.0.1')
    await until('a backend', () => backend.listening)
    afterTest(() => backend.close())
    const { port } = backend.address() as { port: number }
    balancer.pool().update('a', { address: `127.0.0.1:${port}` })
    const held = await new AdminClient({ host: '127.0.0.1', port: portOf(balancer) }).connect()
    await until('a session', () => balancer.stats().sessions === 1)
    const closing = balancer.close()
    await until('the closing', () => balancer.status === 'closing')
    expect(await ready()).to.deep.equal([503, 'the balancer is closing'])
    expect((await client.ask('GET', '/livez')).status).to.equal(200)
    held.destroy()
    await closing
    expect(balancer.adminAddress()).to.equal(null)
  })

  it('cannot reload where the program did not say how, and tells what the program says', async () => {
    const { client } = await openAdmin()
    expect(await client.refusal('POST', '/v1/reload', { body: {} })).to.deep.equal([501, 'LIMPET_ERR_UNSUPPORTED'])
    const failures: [unknown, number, string][] = [
      [Object.assign(new Error('not found'), { syscall: 'getaddrinfo' }), 400, 'LIMPET_ERR_BAD_ADDRESS'],
      [Object.assign(new Error('no'), { code: 'LIMPET_ERR_NEEDS_RESTART' }), 409, 'LIMPET_ERR_NEEDS_RESTART'],
      [new Error('what nobody thought of'), 500, 'LIMPET_ERR_ADMIN_FAULT'],
    ]
    for (const [error, status, code] of failures) {
      const opened = await openAdmin({ listen: { reload: () => Promise.reject(error) } })
      const answer = await opened.client.ask('POST', '/v1/reload', { body: {} })
      expect([answer.status, JSON.parse(answer.text).error.code]).to.deep.equal([status, code])
      expect(answer.text).to.not.include('nobody thought')
      expect((await opened.client.ask('GET', '/livez')).status).to.equal(200)
    }
  })

  it('leaves the Request and Response of the program alone', async () => {
    const before = [Request, Response]
    await openAdmin()
    expect([Request, Response]).to.deep.equal(before)
  })

  it('wants a token on TCP, before anything is opened', () => {
    expect(() => makeBalancer({}, { admin: { listen: '127.0.0.1:0' } }))
      .to.throw()
      .with.deep.nested.include({ 'problems[0].path': 'admin.token' })
    expect(() => makeBalancer({}, { admin: { listen: ':0', token: TOKEN } })).to.not.throw()
  })
})
