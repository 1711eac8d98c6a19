import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { parse } from 'yaml'
import { Balancer } from '../../src/index.ts'
import { clientAddress } from '../helpers/net.ts'
import { cleanUp, fileOf, limpet, ROOT } from './helpers.ts'

const README = readFileSync(join(ROOT, 'README.md'), 'utf8')
const [, EXAMPLE = ''] = /```yaml\n(.*?)```/s.exec(README) ?? []
const COMMANDS = [...README.matchAll(/^npx limpet (.*?) *(?:#.*)?$/gm)].map(([, command = '']) => command)
const SECRET = 'a secret of this test only'

describe('README.md', () => {
  after(cleanUp)

  it('has commands that read its configuration', async () => {
    expect(COMMANDS.map(command => command.split(' ', 1)[0])).to.deep.equal(['check', 'explain', 'run'])
    const file = fileOf(EXAMPLE)
    for (const command of COMMANDS.filter(text => !text.startsWith('run '))) {
      const args = command.split(' ').map(word => (word === 'limpet.yaml' ? file : word))
      const { status, stderr } = await limpet(args, { env: { LIMPET_SECRET: SECRET } })
      expect({ status, stderr }, command).to.deep.equal({ status: 0, stderr: '' })
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
