import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { AdminClient } from '../../../src/cli/admin/client.ts'
import { connectFailure } from '../../../src/cli/admin/failures.ts'
import type { AdminTarget } from '../../../src/cli/admin/target.ts'
import { cleanUp, fileOf, limpet, portOf } from '../helpers.ts'
import { failure, poolStats, type Script, ScriptedServer, statusReport } from './server.ts'

const STATUS: Script = {
  'GET /v1/status': [200, statusReport({ redis: poolStats([]) })],
  'GET /v1/config': [200, {}],
}

describe('cli: where the running process is asked', () => {
  let server: ScriptedServer

  beforeEach(() => {
    server = new ScriptedServer(STATUS)
  })
  afterEach(() => server.close())
  after(cleanUp)

  async function statusOf(args: string[], env: NodeJS.ProcessEnv = {}): Promise<{ status: number; stderr: string }> {
    const { status, stderr } = await limpet(['status', ...args], { env })
    return { status, stderr }
  }
  const fine = { status: 0, stderr: '' }

  it('by --admin, by the file of -c, by LIMPET_ADMIN, in this order', async () => {
    const unix = await server.listen()
    expect(await statusOf(['--admin', unix], { LIMPET_ADMIN: 'unix:/nowhere' })).to.deep.equal(fine)
    const file = fileOf(`admin: { listen: "${unix}" }\nnonsense: true\n`)
    expect(await statusOf(['-c', file], { LIMPET_ADMIN: 'unix:/nowhere' })).to.deep.equal(fine)
    expect(await statusOf([], { LIMPET_ADMIN: unix })).to.deep.equal(fine)
    const { status, stderr } = await statusOf([])
    expect([0, 69]).to.include(status)
    if (status === 69) expect(stderr).to.contain('nobody listens at unix:/run/limpet/admin.sock (the usual place)')
  })

  it('over TCP with the token of the file, or of LIMPET_ADMIN_TOKEN', async () => {
    const http = await server.listenTcp()
    const listen = http.slice('http://'.length)
    const inFile = fileOf(`admin: { listen: "${listen}", token: { file: token } }`)
    writeFileSync(join(dirname(inFile), 'token'), 'from a file\n')
    const inText = fileOf(`admin: { listen: "${listen}", token: a text of its own }`)
    const inVariable = fileOf(`admin: { listen: "${listen}", token: { env: OWN_TOKEN } }`)
    expect(await statusOf(['--admin', http], { LIMPET_ADMIN_TOKEN: 'own' })).to.deep.equal(fine)
    expect(await statusOf(['-c', inFile])).to.deep.equal(fine)
    expect(await statusOf(['-c', inText])).to.deep.equal(fine)
    expect(await statusOf(['-c', inVariable], { OWN_TOKEN: 'of a variable' })).to.deep.equal(fine)
    expect(await statusOf(['-c', inVariable], { LIMPET_ADMIN_TOKEN: 'own' })).to.deep.equal(fine)
    const tokens = server.asked.filter(({ path }) => path === '/v1/status').map(({ token }) => token)
    expect(tokens).to.deep.equal(
      ['own', 'from a file', 'a text of its own', 'of a variable', 'own'].map(token => `Bearer ${token}`),
    )
  })

  it('says what to do when nobody listens, or the address is none', async () => {
    const dead = createServer().listen(0, '127.0.0.1')
    await once(dead, 'listening')
    const port = portOf(dead)
    dead.close()
    await once(dead, 'close')
    const mistakes: [string[], NodeJS.ProcessEnv, number, RegExp][] = [
      [
        ['--admin', 'unix:/nowhere/admin.sock'],
        {},
        69,
        /nobody listens at unix:\/nowhere\/admin\.sock \(--admin\): is limpet running/,
      ],
      [
        [],
        { LIMPET_ADMIN: `http://127.0.0.1:${port}` },
        69,
        /nobody listens at http:\/\/127.0.0.1:\d+ \(LIMPET_ADMIN\)/,
      ],
      [['--admin', '/run/admin.sock'], {}, 64, /--admin: "\/run\/admin\.sock" is no address.*unix:\/path/],
      [['--admin', 'https://127.0.0.1:1'], {}, 64, /accepted: .*http:\/\/HOST:PORT/],
      [['--admin', 'http://127.0.0.1:1/v1'], {}, 64, /is no address/],
      [['-c', fileOf('pools: {}')], {}, 78, /has no admin listener; add {2}admin: \{ listen:/],
      [['-c', fileOf('admin: { listen: 7 }')], {}, 78, /admin\.listen of .*7 is a number/],
      [['-c', fileOf('admin: [')], {}, 78, /limpet check -c/],
      [['-c', '/nowhere/limpet.yaml'], {}, 78, /does not exist/],
      [['-c', '-'], {}, 64, /read from a file/],
      [
        ['-c', fileOf('admin: { listen: "127.0.0.1:1", token: { file: no } }')],
        {},
        78,
        /token file .*no cannot be read \(ENOENT\): set LIMPET_ADMIN_TOKEN/,
      ],
    ]
    for (const [args, env, expected, says] of mistakes) {
      const { status, stderr } = await statusOf(args, env)
      expect(stderr).to.match(says)
      expect(status).to.equal(expected)
    }
  })

  it('says whose socket it is when permission is denied', () => {
    const target = {
      text: 'unix:/run/a',
      from: '--admin',
      connection: { socketPath: '/run/a' },
      token: { value: undefined, from: '' },
    }
    const { exitCode, message } = connectFailure(target, Object.assign(new Error('connect'), { code: 'EACCES' }))
    expect(exitCode).to.equal(77)
    expect(message).to.match(/permission denied at unix:\/run\/a .*run this as the user that limpet runs as/)
  })

  it('says which token is wanted, or was not accepted', async () => {
    const admin = await server.listenTcp()
    server.script = { 'GET /v1/status': [401, failure('LIMPET_ERR_UNAUTHORIZED', 'no token')] }
    const none = await statusOf(['--admin', admin])
    expect(none.status).to.equal(77)
    expect(none.stderr).to.match(/wants a token, and LIMPET_ADMIN_TOKEN is not set: set LIMPET_ADMIN_TOKEN/)
    const wrong = await statusOf(['--admin', admin], { LIMPET_ADMIN_TOKEN: 'secret words' })
    expect(wrong.stderr)
      .to.match(/does not accept the token of LIMPET_ADMIN_TOKEN/)
      .and.not.to.contain('secret words')
    server.script = { 'GET /v1/status': [403, failure('LIMPET_ERR_FORBIDDEN', 'this Host is not allowed')] }
    expect(await statusOf(['--admin', admin])).to.deep.equal({
      status: 77,
      stderr: `limpet: ${admin} (--admin) refuses: this Host is not allowed\n`,
    })
  })

  it('is not confused by whoever else answers', async () => {
    const admin = await server.listenTcp()
    const answers: [Script[string], number, RegExp][] = [
      [response => response.writeHead(200).end('<html>'), 1, /is not Limpet's: it is not JSON/],
      [response => response.writeHead(404).end('not here'), 1, /does not know what is asked/],
      [response => response.writeHead(500).end(), 1, /answers with status 500/],
      [response => response.destroy(), 69, /has closed the connection/],
      [response => response.socket?.end('SSH-2.0\r\n'), 1, /cannot be asked/],
      [[503, failure('LIMPET_ERR_BUSY', 'too \u001b[1mbusy')], 69, /too \\u001b\[1mbusy/],
    ]
    for (const [answer, expected, says] of answers) {
      server.script = { 'GET /v1/status': answer }
      const { status, stderr } = await statusOf(['--admin', admin])
      expect(stderr).to.match(says)
      expect(status).to.equal(expected)
    }
  })

  it('waits a bounded time, and takes a bounded answer', async () => {
    const address = await server.listen()
    const target: AdminTarget = {
      text: address,
      from: 'a test',
      connection: { socketPath: address.slice('unix:'.length) },
      token: { value: undefined, from: '' },
    }
    server.script = {
      'GET /silent': () => undefined,
      'GET /large': [200, 'x'.repeat(2000)],
      'GET /small': [200, 'x'],
    }
    const failed = async (path: string, timeoutMs: number): Promise<string> =>
      await new AdminClient(target, { timeoutMs, mostBytes: 1000 }).get(path).then(
        () => 'no failure',
        (error: Error) => error.message,
      )
    expect(await failed('/silent', 50)).to.contain('does not answer')
    expect(await failed('/large', 60_000)).to.contain('more than 1000 bytes')
    expect(await failed('/small', 60_000)).to.equal('no failure')
  })
})
