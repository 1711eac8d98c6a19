import { expect } from 'chai'
import { resolveOptions } from '../../../src/config/resolve.ts'
import { matchSockets } from '../../../src/os/match-sockets.ts'
import { takeServiceEnvironment } from '../../../src/os/systemd.ts'

const PID = 4711

describe('the environment of a service manager', () => {
  it('is read once: nothing of it is left for programs that are started', () => {
    const env = {
      PATH: '/bin',
      LISTEN_PID: '4711',
      LISTEN_FDS: '3',
      LISTEN_FDNAMES: 'web::db',
      NOTIFY_SOCKET: '@manager',
      WATCHDOG_PID: '4711',
      WATCHDOG_USEC: '30000000',
    }
    expect(takeServiceEnvironment(env, PID)).to.deep.equal({
      sockets: [
        { name: 'web', fd: 3 },
        { name: 'unknown', fd: 4 },
        { name: 'db', fd: 5 },
      ],
      notifySocket: '@manager',
      watchdogMs: 30_000,
    })
    expect(env).to.deep.equal({ PATH: '/bin' })
    expect(takeServiceEnvironment(env, PID).sockets).to.deep.equal([])
  })

  it('is left alone where it is meant for another process', () => {
    const env = { LISTEN_PID: '1', LISTEN_FDS: '1', WATCHDOG_PID: '1', WATCHDOG_USEC: '1000', NOTIFY_SOCKET: '' }
    const nothing = { sockets: [], notifySocket: undefined, watchdogMs: undefined }
    expect(takeServiceEnvironment(env, PID)).to.deep.equal(nothing)
    expect(env).to.deep.equal({})
  })

  it('has no sockets where their number is none', () => {
    for (const LISTEN_FDS of ['', '0', '-1', 'x', '1e3', '100000']) {
      const { sockets } = takeServiceEnvironment({ LISTEN_PID: String(PID), LISTEN_FDS }, PID)
      expect(sockets, LISTEN_FDS).to.deep.equal([])
    }
  })

  it('has a watchdog without a process, and none without a time', () => {
    expect(takeServiceEnvironment({ WATCHDOG_USEC: '500000' }, PID).watchdogMs).to.equal(500)
    expect(takeServiceEnvironment({ WATCHDOG_USEC: '0' }, PID).watchdogMs).to.equal(undefined)
  })
})

describe('sockets of a service manager', () => {
  const config = (names: string[], hasAdmin = false) =>
    resolveOptions({
      listeners: names.map((name, at) => ({ name, bind: `127.0.0.1:${at + 1}`, pool: 'p' })),
      pools: { p: { backends: [{ name: 'a', address: '127.0.0.1:1000' }] } },
      ...(hasAdmin ? { admin: { listen: 'unix:/run/limpet.sock' } } : {}),
    })
  const match = (sockets: string[], names: string[], hasAdmin = false) => {
    const { listeners, admin } = matchSockets(
      sockets.map((name, at) => ({ name, fd: at + 3 })),
      config(names, hasAdmin),
    )
    return { ...Object.fromEntries([...listeners].map(([name, { fd }]) => [name, fd])), adminFd: admin?.fd }
  }

  it('go to the listeners of their names, and to the admin API', () => {
    expect(match(['b', 'admin', 'a'], ['a', 'b', 'c'], true)).to.deep.equal({ b: 3, a: 5, adminFd: 4 })
  })

  it('go to a listener that is called admin, if there is one', () => {
    expect(match(['admin'], ['a', 'admin'])).to.deep.equal({ admin: 3, adminFd: undefined })
  })

  it('go to the only listener, whatever a single one is called', () => {
    expect(match(['limpet.socket'], ['a'])).to.deep.equal({ a: 3, adminFd: undefined })
  })

  it('are shared: the service manager has them, too', () => {
    expect(matchSockets([{ name: 'a', fd: 3 }], config(['a'])).listeners.get('a')).to.deep.equal({
      fd: 3,
      isShared: true,
    })
  })

  for (const [what, sockets, names] of [
    ['nobody is named so', ['x'], ['a', 'b']],
    ['there are two of one name', ['a', 'a'], ['a', 'b']],
    ['there is no admin API', ['admin'], ['a']],
  ] as const) {
    it(`are refused where ${what}`, () => {
      expect(() => match([...sockets], [...names]))
        .to.throw(/FileDescriptorName/)
        .with.property('code', 'LIMPET_ERR_PASSED_SOCKET')
    })
  }
})
