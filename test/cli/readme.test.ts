import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { parse } from 'yaml'
import { Balancer } from '../../src/index.ts'
import { clientAddress } from '../helpers/net.ts'
import { backendInfo, poolStats, poolsAnswer, ScriptedServer, statusReport } from './admin/server.ts'
import { cleanUp, fileOf, limpet, ROOT } from './helpers.ts'

const README = readFileSync(join(ROOT, 'README.md'), 'utf8')
const [, EXAMPLE = ''] = /```yaml\n(.*?)```/s.exec(README) ?? []
const COMMANDS = [...README.matchAll(/^npx limpet (.*?) *(?:#.*)?$/gm)].map(([, command = '']) => command)
const SECRET = 'a secret of this test only'

describe('README.md', () => {
  after(cleanUp)

  it('has commands that read its configuration', async () => {
    const commands = COMMANDS.filter(command => command.includes('limpet.yaml'))
    expect(commands.map(command => command.split(' ', 1)[0])).to.deep.equal(['check', 'explain', 'run', 'run'])
    const file = fileOf(EXAMPLE)
    for (const command of commands.filter(text => !text.startsWith('run '))) {
      const args = command.split(' ').map(word => (word === 'limpet.yaml' ? file : word))
      const { status, stderr } = await limpet(args, { env: { LIMPET_SECRET: SECRET } })
      expect({ status, stderr }, command).to.deep.equal({ status: 0, stderr: '' })
    }
  })

  it('has commands that ask the running process', async () => {
    const pools = { redis: poolStats([backendInfo('b')]) }
    const plan = {
      homesMoved: 0,
      sample: 1,
      isExact: true,
      pinsMoved: 0,
      sessionsMoved: 0,
      returnHome: 'never',
      backends: [],
      moves: [],
    }
    const server = new ScriptedServer({
      'GET /v1/status': [200, statusReport(pools)],
      'GET /v1/config': [200, {}],
      'GET /v1/pools': poolsAnswer(pools),
      'POST /v1/pools/redis/plan': [200, plan],
      'PATCH /v1/pools/redis/backends/b': [200, backendInfo('b', { state: 'drain' })],
      'GET /v1/sessions?backend=b': [200, { sessions: [], more: false }],
      'POST /v1/reload': [200, { generation: 2, added: [], updated: [], removed: [] }],
    })
    const env = { LIMPET_ADMIN: await server.listen() }
    const commands = COMMANDS.filter(command => !command.includes('limpet.yaml'))
    expect(commands.map(command => command.split(' ', 1)[0])).to.deep.equal([
      'status',
      'plan',
      'backends',
      'backends',
      'sessions',
      'reload',
    ])
    try {
      for (const command of commands) {
        const { status, stderr } = await limpet(command.split(' '), { env })
        expect({ status, stderr }, command).to.deep.equal({ status: 0, stderr: '' })
      }
    } finally {
      await server.close()
    }
  })

  it('sends every client of its three servers home, also those that overlap', () => {
    const { redis } = parse(EXAMPLE).pools
    const balancer = new Balancer({ pools: { redis: { ...redis, secret: SECRET } }, log: { level: 'silent' } })
    const decisions = Array.from({ length: 100 }, (_, index) => balancer.pick(clientAddress(index)))
    expect(new Set(decisions.map(({ reason }) => reason))).to.deep.equal(new Set(['home']))
    for (const decision of decisions) decision.release()
  })
})
