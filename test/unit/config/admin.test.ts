import { expect } from 'chai'
import { changedSettings, restartPaths } from '../../../src/config/changes.ts'
import { describeConfig } from '../../../src/config/describe.ts'
import { parseConfig } from '../../../src/config/load.ts'
import type { AdminOptions } from '../../../src/config/options.ts'
import { resolveOptions } from '../../../src/config/resolve.ts'
import { type ConfigProblem, LimpetConfigError } from '../../../src/errors.ts'
import { HERMETIC } from './helpers.ts'

const TOKEN = 'zq-7-token'
const POOLS = { p: { secret: 'a secret of tests', backends: [{ name: 'a', address: '127.0.0.1:1' }] } }

function resolve(admin: AdminOptions | undefined, bind = '127.0.0.1:7000') {
  const env = { LIMPET_ADMIN_TOKEN: TOKEN, OTHER: TOKEN, SHORT: 'x' }
  const listeners = [{ name: 'l', bind, pool: 'p' }]
  return resolveOptions({ listeners, pools: POOLS, admin }, { ...HERMETIC, env })
}

function problems(make: () => unknown): readonly ConfigProblem[] {
  try {
    make()
  } catch (error) {
    if (error instanceof LimpetConfigError) return error.problems
    throw error
  }
  return []
}

function places(admin: unknown, bind?: string): string[] {
  return problems(() => resolve(admin as AdminOptions, bind)).map(({ path }) => path)
}

describe('admin', () => {
  it('is not there unless it is configured, and has defaults', () => {
    expect(resolve(undefined).admin).to.equal(undefined)
    expect(describeConfig(resolve(undefined))).to.not.have.property('admin')
    expect(resolve({}).admin).to.deep.equal({
      listen: { kind: 'unix', path: '/run/limpet/admin.sock' },
      token: undefined,
      hosts: [],
    })
    expect(resolve({ hosts: ['Limpet.Example:80', '[::1]'] }).admin?.hosts).to.deep.equal([
      'limpet.example:80',
      '[::1]',
    ])
  })

  it('needs a token on TCP', () => {
    expect(places({ listen: '127.0.0.1:9900' })).to.deep.equal(['admin.token'])
    expect(places({ listen: ':9900' })).to.deep.equal(['admin.token'])
    expect(places({ listen: '127.0.0.1:9900', token: { env: 'LIMPET_ADMIN_TOKEN' } })).to.deep.equal([])
    expect(places({ listen: 'unix:/tmp/x' })).to.deep.equal([])
    expect(places({ listen: ':9900', token: { env: 'NOT_SET' } })).to.deep.equal(['admin.token.env'])
    expect(places({ listen: ':9900', token: { env: 'SHORT' } })).to.deep.equal(['admin.token.env'])
    expect(places({ token: { file: '/no/such/file' } })).to.deep.equal(['admin.token.file'])
  })

  it('needs a token that a header can carry', () => {
    for (const token of ['a token of mine', 'trailing-space ', 'übertoken', 'line\nbreak', 'tab\tulator'])
      expect(places({ listen: ':9900', token }), token).to.deep.equal(['admin.token'])
    expect(places({ listen: ':9900', token: `~${'a1-._+/='.repeat(4)}` })).to.deep.equal([])
  })

  it('cannot be where a listener is', () => {
    const token = TOKEN
    expect(places({ listen: '127.0.0.1:7000', token })).to.deep.equal(['admin.listen'])
    expect(places({ listen: ':7000', token })).to.deep.equal(['admin.listen'])
    expect(places({ listen: '127.0.0.2:7000', token })).to.deep.equal([])
    expect(places({ listen: 'unix:/tmp/x' }, 'unix:/tmp/x')).to.deep.equal(['admin.listen'])
    expect(places({}, 'unix:/run/limpet/admin.sock')).to.deep.equal(['admin.listen'])
  })

  it('takes hosts, with or without a port, and nothing else', () => {
    for (const host of ['a', 'a.example', 'a:1', '127.0.0.1:99', '[2001:db8::1]', '[::1]:9900'])
      expect(places({ hosts: [host] }), host).to.deep.equal([])
    for (const host of ['', 'http://a', 'a/b', '::1', 'a:b', '*', 'a b', 1])
      expect(places({ hosts: [host] }), String(host)).to.deep.equal(['admin.hosts[0]'])
    expect(places({ listen: { fd: 3 } })).to.deep.equal(['admin.listen'])
    expect(places({ port: 1 })).to.deep.equal(['admin.port'])
  })

  it('is described without its token, wherever that came from', () => {
    const told = (token: AdminOptions['token']) => describeConfig(resolve({ listen: ':9900', token })).admin
    expect(told(TOKEN)).to.deep.equal({ listen: ':9900', token: '(set)', hosts: [] })
    expect(told({ env: 'LIMPET_ADMIN_TOKEN' })?.token).to.equal('(from env LIMPET_ADMIN_TOKEN)')
    expect(JSON.stringify(resolve({ token: TOKEN }))).to.not.include(TOKEN)
  })

  it('never has its token told in a problem', () => {
    const document = (admin: string): string =>
      `pools: { p: { secret: long enough, backends: [{ name: a, address: "127.0.0.1:1" }] } }\nadmin:\n${admin}\n`
    const mistakes = [
      `  token: [${TOKEN}]`,
      `  token: { ${TOKEN} }`,
      `  token: { env: "${TOKEN}" }`,
      `  token:${TOKEN}`,
      `  token: "${TOKEN}`,
      `  tokn: { ${TOKEN}: 1 }`,
      `  token: { text: ${TOKEN} }`,
      `  token: { env: X, ${TOKEN}: 1 }`,
    ]
    for (const mistake of mistakes) {
      const found = problems(() => parseConfig(document(mistake), HERMETIC))
      expect(found, mistake).to.have.length.greaterThan(0)
      expect(JSON.stringify(found), mistake).to.not.include(TOKEN)
    }
  })

  it('needs a restart to change, but not for another source of the same token', () => {
    const token = { env: 'LIMPET_ADMIN_TOKEN' }
    const paths = (before: AdminOptions | undefined, after: AdminOptions | undefined): string[] =>
      restartPaths(changedSettings(resolve(before), resolve(after)))
    expect(paths({ token }, { token })).to.deep.equal([])
    expect(paths({ token: { env: 'OTHER' } }, { token })).to.deep.equal([])
    expect(paths({ token }, { token: 'another-token' })).to.deep.equal(['admin.token'])
    expect(paths({}, { listen: 'unix:/tmp/x' })).to.deep.equal(['admin.listen'])
    expect(paths({}, { hosts: ['a'] })).to.deep.equal(['admin.hosts[0]'])
    expect(paths({}, undefined)).to.deep.equal(['admin.listen'])
  })

  it('is warned of where its token can be read on the way', () => {
    const warnings = (listen: string) => resolve({ listen, token: TOKEN }).warnings.filter(text => /admin/.test(text))
    expect(warnings(':9900')).to.have.length(1)
    expect(warnings('192.0.2.1:9900')).to.have.length(1)
    for (const listen of ['127.0.0.1:9900', 'localhost:9900', '[::1]:9900', 'unix:/tmp/x'])
      expect(warnings(listen), listen).to.deep.equal([])
  })
})
