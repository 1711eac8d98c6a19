import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { chmod, chown, mkdir, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { expect } from 'chai'
import { identityOf } from '../../src/os/privileges.ts'
import { type ThreadPrivileges, threadPrivileges } from '../../src/os/thread-privileges.ts'
import { AdminClient } from '../admin/helpers.ts'
import { cleanUp } from '../lifecycle/helpers.ts'
import { Site, serves } from '../upgrade/helpers.ts'

const NOBODY = 65_534
const isRoot = process.geteuid?.() === 0

/** A free port below the first one that everybody may have. */
async function lowPort(): Promise<number> {
  for (let port = 1023; ; port--) {
    const server = createServer().listen(port, '127.0.0.1')
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    )
    server.close()
    if (isFree) return port
  }
}

/** Lines of the status of every thread of a process. */
function threads(pid: number, names: string[]): string[][] {
  return readdirSync(`/proc/${pid}/task`).map(thread => {
    const lines = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8').split('\n')
    return lines
      .filter(line => names.some(name => line.startsWith(`${name}:`)))
      .map(line => line.replaceAll(/\s+/g, ' ').trim())
  })
}

describe('privileges', () => {
  afterEach(cleanUp)

  it('stay what they are where nothing is said', () => {
    expect(identityOf({ user: undefined, group: undefined })).to.equal(undefined)
  })

  it('are told of every thread, as the kernel has them', () => {
    const told = threadPrivileges()
    expect(told.map(({ id }) => id).sort()).to.deep.equal(readdirSync('/proc/self/task').map(Number).sort())
    const [own] = told.filter(({ id }) => id === process.pid)
    expect(own).to.include({ uid: process.geteuid?.(), gid: process.getegid?.() })
    const [lines] = threads(process.pid, ['CapEff', 'NoNewPrivs'])
    expect(lines).to.deep.equal([`CapEff: ${own?.capabilities}`, `NoNewPrivs: ${Number(own?.noNewPrivileges)}`])
  })

  it('are looked up by name and by number', () => {
    const own = { user: String(process.geteuid?.()), group: String(process.getegid?.()) }
    expect(identityOf(own)).to.include({ uid: process.geteuid?.(), gid: process.getegid?.() })
    if (!isRoot) return
    expect(identityOf({ user: 'nobody', group: undefined })).to.deep.equal({ uid: NOBODY, gid: NOBODY, name: 'nobody' })
    expect(identityOf({ user: '54321', group: 'root' })).to.deep.equal({ uid: 54_321, gid: 0, name: undefined })
  })

  for (const [what, wanted, text] of [
    ['a user that is not there', { user: 'no-such-user', group: undefined }, 'there is no user no-such-user'],
    ['a group that is not there', { user: '0', group: 'no-such-group' }, 'there is no group no-such-group'],
    ['a number without a group', { user: '54321', group: undefined }, 'has no group: set group'],
  ] as const) {
    it(`are refused for ${what}`, () => {
      expect(() => identityOf(wanted))
        .to.throw(text)
        .with.property('code', 'LIMPET_ERR_PRIVILEGES')
    })
  }

  it('are refused to who is not root', function () {
    if (!isRoot) this.skip()
    process.seteuid?.(NOBODY)
    try {
      expect(() => identityOf({ user: '0', group: undefined })).to.throw(/only root can become user 0, group 0/)
    } finally {
      process.seteuid?.(0)
    }
  })

  it('are dropped by every thread when the low ports are open, and its files are the user’s', async function () {
    if (!isRoot) this.skip()
    const site = await Site.make()
    const state = site.directory.file('state')
    await mkdir(state)
    await chown(state, NOBODY, NOBODY)
    // Where its unix sockets are.
    const place = site.unix.replace(/\/[^/]*$/, '')
    await chown(place, NOBODY, NOBODY)
    await chmod(place, 0o755)
    const low = `127.0.0.1:${await lowPort()}`
    const config = {
      user: 'nobody',
      listeners: [site.listener('low', low), site.listener('unix', `unix:${site.unix}`)],
    }
    await site.write({ ...config, state: `${state}/state.json` })
    const run = await site.start()
    expect(run.output).to.include('"msg":"privileges dropped"')
    const ids = [...Array(4).fill(NOBODY)].join(' ')
    const seen = threads(run.pid, ['Uid', 'Gid', 'CapPrm', 'CapEff', 'NoNewPrivs'])
    // libuv's, V8's, and the relay's own.
    expect(seen.length).to.be.at.least(6)
    for (const thread of seen) {
      expect(thread).to.deep.equal([
        `Uid: ${ids}`,
        `Gid: ${ids}`,
        'CapPrm: 0000000000000000',
        'CapEff: 0000000000000000',
        'NoNewPrivs: 1',
      ])
    }
    for (const path of [site.admin, `${site.admin}.takeover`, `${state}/state.json`, site.unix]) {
      expect((await stat(path)).uid, path).to.equal(NOBODY)
    }
    for (const name of ['low', 'unix']) expect(await serves(run.dial(name))).to.equal(true)

    // Root takes over from the user that it was, and drops its privileges again.
    const next = await site.start('--takeover')
    expect((await run.exited).code).to.equal(0)
    for (const name of ['low', 'unix']) expect(await serves(next.dial(name))).to.equal(true)
    const client = new AdminClient({ socketPath: site.admin })
    const status = (await client.json('GET', '/v1/status')) as { pid: number; threads: ThreadPrivileges[] }
    expect(status.pid).to.equal(next.pid)
    expect(status.threads.length).to.be.at.least(6)
    const dropped = { uid: NOBODY, gid: NOBODY, capabilities: '0000000000000000', noNewPrivileges: true }
    for (const thread of status.threads) expect(thread).to.include(dropped)
    expect(await next.stop()).to.deep.equal({ code: 0, signal: null })
  })

  it('cannot be had by somebody who is not root', async function () {
    if (!isRoot) this.skip()
    const site = await Site.make()
    await site.write({ user: 'no-such-user' })
    const { code, output } = await site.startInVain()
    expect(code).to.equal(1)
    expect(output).to.include('there is no user no-such-user')
  })
})
