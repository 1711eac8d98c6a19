import { expect } from 'chai'
import type { CookieOptions } from '../../../src/config/cookie-options.ts'
import { describeConfig } from '../../../src/config/describe.ts'
import { resolveOptions } from '../../../src/config/resolve.ts'
import { HERMETIC, problemsOfOptions } from './helpers.ts'

const configOf = (cookie: CookieOptions | 'off' | false) =>
  resolveOptions({ pools: { p: { affinity: { cookie } } } }, HERMETIC)

/** The problems of a cookie, each as its place and what is wrong. */
const problems = (cookie: unknown, pool: object = {}, listener?: object): string[] =>
  problemsOfOptions({
    pools: { p: { affinity: { cookie }, ...pool } },
    ...(listener === undefined ? {} : { listeners: [{ name: 'l', bind: ':1', pool: 'p', ...listener }] }),
  }).map(({ path, message }) => `${path}: ${message}`)

describe('affinity.cookie', () => {
  it('has the defaults of its mode', () => {
    const described = (cookie: CookieOptions): unknown => describeConfig(configOf(cookie)).pools.p?.affinity.cookie
    expect(described({ mode: 'insert' })).to.deep.equal({
      mode: 'insert',
      name: 'limpet',
      maxAge: '0s',
      path: '/',
      sameSite: 'lax',
      secure: false,
      httpOnly: true,
    })
    const learn: CookieOptions = { mode: 'learn', name: 'sid' }
    expect(described(learn)).to.deep.equal(learn)
    const route: CookieOptions = { mode: 'route', name: 'sid' }
    expect(described(route)).to.deep.equal({ ...route, position: 'suffix', separator: '.' })
    expect(described({ ...route, position: 'prefix' })).to.deep.equal({ ...route, position: 'prefix', separator: '~' })
  })

  it('is told in words that are read back', () => {
    const all: CookieOptions = { mode: 'insert', name: 'lb', maxAge: '1h', path: '/a', domain: 'example.org' }
    const more: CookieOptions = { ...all, sameSite: 'none', secure: true, httpOnly: false }
    const described = describeConfig(configOf(more)).pools.p?.affinity.cookie
    expect(described).to.deep.equal(more)
    expect(describeConfig(configOf(described ?? 'off'))).to.deep.equal(describeConfig(configOf(more)))
  })

  it('is off', () => {
    for (const off of ['off', false] as const) expect(configOf(off).pools.get('p')?.affinity.cookie).to.equal(undefined)
  })

  it('has what its mode has, and nothing else', () => {
    expect(problems({})).to.have.length(1)
    expect(problems({ mode: 'learn' })).to.deep.equal(['pools.p.affinity.cookie.name: is missing'])
    expect(problems({ mode: 'learn', name: 'sid', path: '/', separator: '.' })).to.deep.equal([
      'pools.p.affinity.cookie.path: a cookie of mode learn does not have this',
      'pools.p.affinity.cookie.separator: a cookie of mode learn does not have this',
    ])
    expect(problems({ mode: 'insert', position: 'suffix' })).to.deep.equal([
      'pools.p.affinity.cookie.position: a cookie of mode insert does not have this',
    ])
    expect(problems({ mode: 'insert', sameSite: 'none' })).to.deep.equal([
      'pools.p.affinity.cookie.sameSite: browsers drop it without secure',
    ])
  })

  it('takes nothing that would be another field, or another attribute', () => {
    for (const text of ['a;b', 'a\r\nX: y', 'a b', '', 'ä']) {
      expect(problems({ mode: 'insert', name: text }), text).to.have.length(1)
      expect(problems({ mode: 'insert', path: `/${text || ' '}` }), text).to.have.length(1)
      expect(problems({ mode: 'insert', domain: text }), text).to.have.length(1)
      expect(problems({ mode: 'route', name: 'a', separator: text }), text).to.have.length(1)
    }
    for (const maxAge of ['1.5s', '500ms', '401d'])
      expect(problems({ mode: 'insert', maxAge }), maxAge).to.have.length(1)
  })

  it('excludes what has another idea of where clients belong', () => {
    const learn = { mode: 'learn', name: 'sid' }
    const path = 'pools.p'
    expect(problems(learn, { stickTable: 'off', returnHome: 'next-connect' })).to.deep.equal([
      `${path}.stickTable: affinity.cookie of mode learn keeps the values of cookies there`,
      `${path}.returnHome: the home of the value of a cookie is not where the application has set it`,
    ])
    expect(problems({ mode: 'insert' }, { rebalance: { perMinute: 1 } })).to.have.length(1)
    configOf({ mode: 'insert' })
  })

  it('is refused where the native acceptor or the native relay is asked for', () => {
    const why = 'the pool p has affinity.cookie, and only the stream relay reads and writes cookies'
    const insert = { mode: 'insert' }
    expect(problems(insert, {}, { acceptor: 'native', relay: 'native' })).to.deep.equal([
      `listeners[0].acceptor: ${why}`,
      `listeners[0].relay: ${why}`,
    ])
    const listeners = [{ name: 'l', bind: ':1', pool: 'p', acceptor: 'net', relay: 'stream' } as const]
    resolveOptions({ pools: { p: { affinity: { cookie: { mode: 'insert' } } } }, listeners }, HERMETIC)
  })
})
