import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { parse } from 'yaml'
import { cleanUp } from '../cli/helpers.ts'
import { Directory } from '../helpers/directory.ts'
import { requirePeer } from '../helpers/peers.ts'
import { Program, runProgram } from '../helpers/programs.ts'
import { check, DEPLOY, ROOT, secondsOf, settingsOf, textOf, VERSION } from './samples.ts'

interface Service {
  image: string
  command?: string[]
  build?: { context: string; dockerfile: string }
  depends_on?: Record<string, { condition: string }>
  environment?: Record<string, string>
  healthcheck: { test: string[] }
  networks: Record<string, unknown>
  ports?: ({ published: number | string; target: number } | string)[]
  stop_grace_period?: string
  volumes?: string[]
}
interface Composition {
  services: Record<string, Service>
  networks: Record<string, { internal?: boolean }>
}
interface Settings {
  listeners: { bind: string }[]
  pools: { redis: { backends: { dns: string[]; identity: string } } }
  shutdownTimeout: string
}

const FILE = join(DEPLOY, 'compose/compose.yaml')
const SECRETS = { LIMPET_SECRET: 'a secret of tests', VALKEY_PASSWORD: 'password' }
const text = textOf('compose/limpet.yaml')
const settings = settingsOf<Settings>(text)
/** Its merge keys are those of YAML 1.1. */
const { services, networks } = parse(textOf('compose/compose.yaml'), { merge: true }) as Composition
const limpets = Object.entries(services).filter(([name]) => name.startsWith('limpet-'))

describe('deploy/compose', () => {
  after(cleanUp)

  it('is what the specification of Compose takes', async () => {
    const dclint = join(ROOT, 'node_modules/dclint/bin/dclint.cjs')
    const linter = new Program(process.execPath, [dclint, '--quiet', FILE])
    expect(await linter.exited, linter.output).to.deep.equal({ code: 0, signal: null })
  })

  it('is read by Compose, with two secrets from the environment', async function () {
    const compose = requirePeer(this, 'docker-compose')
    const resolved = await runProgram(compose, ['-f', FILE, 'config'], { env: { ...process.env, ...SECRETS } })
    const { services: read } = settingsOf<Composition>(resolved.toString())
    expect(Object.keys(read)).to.have.members(Object.keys(services))
    expect(read.valkey?.command).to.include('password').and.include('--requirepass')
    expect(read['limpet-1']?.environment).to.include({ LIMPET_CLUSTER_URL: 'redis://:password@valkey:6379' })
  })

  it('has two Limpets that differ in nothing but their port', () => {
    const [[, one] = [], [, other] = []] = limpets
    expect(limpets).to.have.length(2)
    expect({ ...one, ports: [] }).to.deep.equal({ ...other, ports: [] })
    expect(one?.ports).to.not.deep.equal(other?.ports)
  })

  it('names servers, variables, ports, files and an image that there are', () => {
    const { dns, identity } = settings.pools.redis.backends
    expect(Object.keys(services).filter(name => name.startsWith('server-'))).to.deep.equal(dns)
    // Its address does not last.
    expect(identity).to.equal('name')
    const variables = [...text.matchAll(/\{ env: (\w+) \}/g)].map(([, name]) => name)
    for (const [, limpet] of limpets) {
      expect(Object.keys(limpet.environment ?? {})).to.have.members(variables)
      for (const published of limpet.ports ?? [])
        expect(settings.listeners.map(({ bind }) => bind)).to.include(`:${String(published).split(':').at(-1)}`)
      expect(Object.keys(limpet.depends_on ?? {})).to.have.members([...dns, 'valkey'])
      expect(limpet.image).to.equal(`limpet:${VERSION}`)
      const [mounted = ''] = limpet.volumes ?? []
      expect(existsSync(join(DEPLOY, 'compose', mounted.split(':')[0] ?? ''))).to.equal(true)
      const { context = '', dockerfile = '' } = limpet.build ?? {}
      expect(join(DEPLOY, 'compose', context, '/')).to.equal(join(ROOT, '/'))
      expect(existsSync(join(ROOT, dockerfile))).to.equal(true)
    }
  })

  it('asks whether Limpet is ready as the image does, and lets it drain', () => {
    const image = readFileSync(join(DEPLOY, 'container/Containerfile'), 'utf8')
    const [, command = ''] = /^HEALTHCHECK .* (CMD .*)$/m.exec(image) ?? []
    for (const [, { healthcheck, stop_grace_period: grace = '10s' }] of limpets) {
      expect(healthcheck.test).to.deep.equal(['CMD', ...(JSON.parse(command.slice('CMD '.length)) as string[])])
      expect(secondsOf(grace)).to.be.at.least(secondsOf(settings.shutdownTimeout) + 10)
    }
  })

  it('keeps servers and store from everybody but Limpet', () => {
    for (const [name, { networks: joined, ports }] of Object.entries(services)) {
      if (name.startsWith('limpet-')) continue
      expect(ports, name).to.equal(undefined)
      expect(joined, name).to.deep.equal(['inside'])
    }
    expect(networks.inside?.internal).to.equal(true)
  })

  it('has a configuration that Limpet takes', async () => {
    await using directory = await Directory.make()
    const { stdout, warnings } = await check(directory, text)
    expect(stdout).to.include('the backends of 1 pool to be found')
    expect(warnings).to.deep.equal([])
  })
})
