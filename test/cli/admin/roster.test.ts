import { expect } from 'chai'
import type { ClusterStatus, RosterStatus } from '../../../src/index.ts'
import { AskedProcess, BACKENDS, POOLS } from './asked-process.ts'
import { type Answer, failure, statusReport } from './server.ts'

const AT = Date.UTC(2026, 0, 2, 3, 4, 5)

describe('cli: backends that are shared', () => {
  const asked = new AskedProcess()

  it('are changed with the version and the place that were given, by whoever asks', async () => {
    let headers: Record<string, unknown> = {}
    const answer: Answer = response => {
      headers = response.req.headers
      response.end(JSON.stringify(BACKENDS[0]))
    }
    const path = 'PATCH /v1/pools/redis/backends/b1'
    expect((await asked.ask(['backends', 'drain', 'b1', '--if-version', '7'], { [path]: answer })).status).to.equal(0)
    expect(headers).to.include({ 'if-match': '"7"' })
    expect(String(headers['limpet-actor'])).to.match(/^[\x21-\x7e]+@/)
    const local = { [`${path}?local=true`]: answer }
    expect((await asked.ask(['backends', 'drain', 'b1', '--local'], local)).status).to.equal(0)
    expect(headers).not.to.have.property('if-match')
  })

  it('are refused with the reason, and with 69 while their store is away', async () => {
    const away = failure('LIMPET_ERR_CLUSTER_AWAY', 'the store of the cluster cannot be used')
    const { status, stderr } = await asked.ask(['backends', 'remove', 'b1'], {
      'DELETE /v1/pools/redis/backends/b1': [503, away],
    })
    expect({ status, stderr }).to.deep.equal({
      status: 69,
      stderr: 'limpet: the store of the cluster cannot be used\n',
    })
    const version = failure('LIMPET_ERR_ROSTER_VERSION', 'it has the version 8')
    const refused = await asked.ask(['backends', 'forget', '--if-version', '7'], {
      'DELETE /v1/pools/redis/roster': [412, version],
    })
    expect([refused.status, refused.stderr]).to.deep.equal([1, 'limpet: it has the version 8\n'])
  })

  it('are forgotten, and their changes are a table, or an object a line', async () => {
    const forgotten = await asked.ask(['backends', 'forget'], {
      'DELETE /v1/pools/redis/roster': [200, { version: 9 }],
    })
    expect(forgotten.stdout).to.contain('are those of the configuration again; version 9\n')
    const changes = [
      { version: 9, by: 'lb1/1', actor: 'alice@lb1', at: AT, what: 'forget' },
      { version: 8, by: 'lb2/1', at: AT, what: 'set b1: \u001bweight 0' },
    ]
    const script = { 'GET /v1/pools/redis/roster/changes?limit=2': [200, { changes }] as const }
    const { stdout } = await asked.ask(['backends', 'changes', '--limit', '2'], script)
    const lines = stdout.split('\n').map(line => line.trim().replace(/ {2,}/g, ' | '))
    expect(lines).to.include('9 | 2026-01-02T03:04:05.000Z | alice@lb1 at lb1/1 | forget')
    expect(lines).to.include('8 | 2026-01-02T03:04:05.000Z | lb2/1 | set b1: \\u001bweight 0')
    const json = await asked.ask(['backends', 'changes', '--limit', '2', '--json'], script)
    expect(
      json.stdout
        .trim()
        .split('\n')
        .map(line => JSON.parse(line)),
    ).to.deep.equal(changes)
  })

  it('are told by status: their version, who made it, and what is not as it should be', async () => {
    const roster: RosterStatus = { pool: 'p', version: 3, newest: 3, by: 'lb2/1', actor: 'bob', at: AT, isLocal: false }
    const report = statusReport(POOLS)
    const told = async (rosters: RosterStatus[]): Promise<string> => {
      const cluster = { store: 'c at x', isSynced: true, member: 'lb1/1', members: [], backlog: 0, rosters }
      const stats = { ...report.stats, cluster: cluster as unknown as ClusterStatus }
      return (await asked.ask(['status'], { 'GET /v1/status': [200, { ...report, stats }] })).stdout
    }
    const text = await told([roster])
    expect(text).to.contain('\n  pool p: shared backends of version 3 by bob at lb2/1, 2026-01-02T03:04:05.000Z\n')
    const wrong = await told([{ ...roster, newest: 4, isLocal: true, error: 'it does not fit' }])
    expect(wrong).to.contain('\n  pool p: shared backends of version 3\n')
    expect(wrong).to.contain('\n  pool p: version 4 by bob at lb2/1, 2026-01-02T03:04:05.000Z is not in use here\n')
    expect(wrong).to.contain('\n  pool p: backends were changed at this balancer only\n  pool p: it does not fit\n')
    expect(await told([{ pool: 'q', version: 0, newest: 0, isLocal: false }])).not.to.contain('pool q')
  })
})
