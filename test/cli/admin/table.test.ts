import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import type { Balancer } from '../../../src/balancer.ts'
import { openAdmin } from '../../admin/helpers.ts'
import { cleanUp as closeAll } from '../../lifecycle/helpers.ts'
import { cleanUp, fileOf, limpet, type Said } from '../helpers.ts'

describe('cli: limpet table', () => {
  let balancer: Balancer
  let admin = ''

  beforeEach(async () => {
    ;({ balancer } = await openAdmin())
    admin = `unix:${balancer.adminAddress()}`
  })
  afterEach(closeAll)
  after(cleanUp)

  const run = (args: string[], input = ''): Promise<Said> =>
    limpet(['table', ...args], { input, env: { LIMPET_ADMIN: admin, NO_COLOR: '1' } })

  it('sets, tells, lists and forgets pins', async () => {
    const home = balancer.pool().explain('192.0.2.7').home
    const other = home === 'a' ? 'b' : 'a'
    const set = await run(['set', '192.0.2.7', other, '--ttl', '5m'])
    expect(set).to.include({ status: 0, stderr: '' })
    expect(set.stdout).to.match(new RegExp(`^192\\.0\\.2\\.7/32 is pinned to ${other}, not its home, for [45]m`))
    expect(JSON.parse((await run(['get', '192.0.2.7', '--json'])).stdout)).to.include({ backend: other, isAway: true })
    await run(['set', '192.0.2.8', balancer.pool().explain('192.0.2.8').home ?? ''])

    const lines = (await run(['list'])).stdout.split('\n').map(line => line.trim().split(/ {2,}/))
    expect(lines[0]).to.deep.equal(['KEY', 'BACKEND', 'HOME', 'SESSIONS', 'IDLE', 'EXPIRES'])
    expect(lines.find(([key]) => key === '192.0.2.7/32')?.slice(0, 4)).to.deep.equal([
      '192.0.2.7/32',
      other,
      'away',
      '0',
    ])
    const away = (await run(['list', '--away', '--json'])).stdout.trim().split('\n')
    expect(away.map(line => JSON.parse(line).key)).to.deep.equal(['192.0.2.7/32'])

    expect(await run(['delete', '192.0.2.7', '192.0.2.8'])).to.deep.equal({
      status: 0,
      stdout: 'forgotten: 2 pins; the next session of each client goes home\n',
      stderr: '',
    })
    expect(await run(['list'])).to.deep.equal({ status: 0, stdout: 'no pins\n', stderr: '' })
  })

  it('tells the keys with the most sessions', async () => {
    const clients = ['192.0.2.7', '192.0.2.7', '192.0.2.8']
    const decisions = clients.map(client => balancer.pick(client))
    const { status, stdout, stderr } = await run(['hot', '--top', '1'])
    expect({ status, stderr }).to.deep.equal({ status: 0, stderr: '' })
    const lines = stdout.split('\n').map(line => line.trim().split(/ {2,}/))
    const { home } = balancer.pool().explain('192.0.2.7')
    expect(lines.slice(0, 3)).to.deep.equal([
      ['KEY', 'SESSIONS', 'HOME', 'SPREAD', 'ON'],
      ['192.0.2.7/32', '2', home, '-', `${home} 2`],
      ['3 sessions of 2 keys'],
    ])
    expect(JSON.parse((await run(['hot', '--json'])).stdout)).to.deep.equal(await balancer.pool().liveKeys())
    for (const decision of decisions) decision.release()
    expect(await run(['hot'])).to.deep.equal({ status: 0, stdout: '0 sessions of 0 keys\n', stderr: '' })
  })

  it('says what is wrong', async () => {
    expect((await run(['get', '192.0.2.7'])).stderr).to.equal('limpet: "192.0.2.7" has no pin\n')
    expect((await run(['delete', '192.0.2.7'])).status).to.equal(1)
    const unknown = await run(['set', '192.0.2.7', 'aa'])
    expect(unknown.status).to.equal(1)
    expect(unknown.stderr).to.match(/has no backend "aa".*did you mean a\?|has no backend "aa".*there is a/)
    expect((await run(['set', 'here', 'a'])).stderr).to.contain('here')
    expect((await run(['set', '192.0.2.7', 'a', '--ttl', '5'])).stderr).to.contain('ttl')
    const clear = await run(['clear'])
    expect(clear.status).to.equal(64)
    expect(clear.stderr).to.contain('--yes')
  })

  it('clears all, or one backend', async () => {
    const { table } = balancer.pool()
    for (let n = 0; n < 20; n++) table.set(`192.0.2.${n}`, n < 5 ? 'a' : 'b')
    expect((await run(['clear', '--backend', 'a'])).stdout).to.match(/^forgotten: 5 pins;/)
    expect(JSON.parse((await run(['clear', '--yes', '--json'])).stdout)).to.deep.equal({ cleared: 15 })
  })

  it('writes a table to a file, and reads it again', async () => {
    const { table } = balancer.pool()
    for (let n = 0; n < 600; n++) table.set(`198.51.${n >> 8}.${n & 255}`, n % 3 === 0 ? 'a' : 'b')
    const { stdout, status } = await run(['export'])
    expect(status).to.equal(0)
    expect(stdout.trim().split('\n')).to.have.length(601)
    await table.clear()
    expect(await run(['import', '-'], stdout)).to.deep.equal({ status: 0, stdout: 'set: 600 pins\n', stderr: '' })
    expect(table.get('198.51.0.3')?.backend).to.equal('a')

    const file = fileOf(
      `${stdout}nonsense\n${JSON.stringify({ key: '192.0.2.1/32', backend: 'gone' })}\n`,
      'pins.ndjson',
    )
    const partly = await run(['import', file])
    expect(partly.status).to.equal(65)
    expect(partly.stderr).to.match(/^limpet: line 602: it is no pin/)
    expect(partly.stdout).to.equal('set: 600 pins; 1 are of backends that are not in the pool; 1 were no pins\n')
    expect(JSON.parse((await run(['import', file, '--json'])).stdout)).to.include({ stored: 600, malformed: 1 })
    expect(readFileSync(file, 'utf8')).to.contain('nonsense')
  })

  it('refuses files that it cannot use', async () => {
    expect(await run(['import', '/nowhere/pins.ndjson'])).to.deep.equal({
      status: 1,
      stdout: '',
      stderr: 'limpet: /nowhere/pins.ndjson cannot be read: ENOENT\n',
    })
    const foreign = JSON.stringify({ limpet: 'stick table', format: 1, keyDigest: 'x', at: new Date().toISOString() })
    for (const text of ['', 'text', foreign]) {
      const { status, stderr } = await run(['import', fileOf(text, 'pins.ndjson')])
      expect([status, stderr.split(': ').slice(2, 3)]).to.deep.equal([65, ['this cannot be imported']])
    }
  })
})
