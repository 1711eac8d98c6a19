import { expect } from 'chai'
import { changedSettings } from '../../../src/config/changes.ts'
import { describeConfig } from '../../../src/config/describe.ts'
import { parseConfig } from '../../../src/config/load.ts'
import { resolveOptions } from '../../../src/config/resolve.ts'
import { poolsOf } from '../../../src/config/route.ts'
import { HERMETIC, linesOf, problemsOf, problemsOfOptions } from './helpers.ts'

const POOLS = 'pools: { a: {}, b: {} }\n'

/** A listener with these routes, one a line from the fifth on. */
function textOf(routes: string[], bind = ':7200', pools = POOLS): string {
  const items = routes.map(one => `      - ${one}\n`).join('')
  return `listeners:\n  - name: l\n    bind: "${bind}"\n    route: ${items === '' ? '[]' : `\n${items}`}\n${pools}`
}

const messages = (...routes: string[]): string[] => problemsOf(textOf(routes)).map(({ message }) => message)

describe('listeners[].route', () => {
  it('is read in the order of the text, names in small letters and without a last dot', () => {
    const routes = [
      '{ sni: "*.A.Example.", alpn: h2, port: 7201, pool: a }',
      '{ sni: _x-1.Example, pool: b }',
      '{ pool: a }',
    ]
    const config = parseConfig(textOf(routes), HERMETIC)
    const [listener] = config.listeners
    expect(listener?.pool).to.equal(undefined)
    expect(listener?.route).to.deep.equal([
      { sni: '*.a.example', alpn: 'h2', port: 7201, pool: 'a' },
      { sni: '_x-1.example', pool: 'b' },
      { pool: 'a' },
    ])
    expect(listener && poolsOf(listener)).to.deep.equal(['a', 'b'])
    expect(config.warnings.join()).not.to.match(/no listener sends clients/)
  })

  it('is described as it can be read again', () => {
    const config = parseConfig(textOf(['{ sni: "*.a.example", pool: a }', '{ port: 7201, pool: b }']), HERMETIC)
    const described = describeConfig(config)
    expect(described.listeners[0]).to.deep.include({
      route: [
        { sni: '*.a.example', pool: 'a' },
        { port: 7201, pool: 'b' },
      ],
    })
    expect(described.listeners[0]).not.to.have.property('pool')
    const again = resolveOptions({ listeners: described.listeners as never, pools: { a: {}, b: {} } }, HERMETIC)
    expect(again.listeners).to.deep.equal(config.listeners)
  })

  it('names pools that exist, each at its place', () => {
    expect(linesOf(textOf(['{ sni: x.example, pool: zz }', '{ pool: aa }']))).to.deep.equal([
      'limpet.yaml:5:33: listeners[0].route[0].pool: there is no pool "zz". Accepted: a, b',
      'limpet.yaml:6:17: listeners[0].route[1].pool: there is no pool "aa"; did you mean "a"? Accepted: a, b',
    ])
  })

  it('stands in the place of pool', () => {
    const both = `listeners: [{ name: l, bind: ":1", pool: a, route: [{ pool: b }] }]\n${POOLS}`
    expect(linesOf(both)).to.deep.equal([
      'limpet.yaml:1:45: listeners[0].route: cannot be given together with pool. Accepted: the name of a pool; or route, a list of pools and whom they are for',
    ])
    expect(linesOf(`listeners: [{ name: l, bind: ":1" }]\n${POOLS}`)).to.deep.equal([
      'limpet.yaml:1:13: listeners[0].pool: is missing. Accepted: the name of a pool; or route, a list of pools and whom they are for',
    ])
    expect(messages()).to.deep.equal(['the list is empty'])
  })

  it('has nothing behind an entry that is for everybody', () => {
    expect(messages('{ pool: a }', '{ sni: x.example, pool: b }')).to.deep.equal([
      'entry [0] before it has no condition, so that nobody comes to this one',
    ])
    expect(problemsOf(textOf(['{ pool: a }', '{ pool: b }']))[0]?.path).to.equal('listeners[0].route[1]')
  })

  it('takes only names that clients can send', () => {
    for (const sni of [
      'a.*.example',
      '*',
      '*.',
      'a..b',
      '-a.example',
      'a/b',
      `${'a'.repeat(64)}.example`,
      '"x y"',
      '1',
    ]) {
      expect(problemsOf(textOf([`{ sni: ${sni.startsWith('*') ? `"${sni}"` : sni}, pool: a }`])), sni).to.have.lengthOf(
        1,
      )
    }
    expect(messages('{ sni: bücher.example, pool: a }')).to.deep.equal([
      '"bücher.example" is no name that clients send; clients send "xn--bcher-kva.example"',
    ])
    expect(messages('{ alpn: "a b", pool: a }')).to.deep.equal(['"a b" is no name of a protocol'])
    expect(messages('{ port: 0, pool: a }')).to.have.lengthOf(1)
  })

  it('says what a star without quotes is', () => {
    expect(messages('{ sni: *.a.example, pool: a }')[0]).to.match(/stands between quotes: "\*\.a\.example"$/)
  })

  it('knows no ports of unix sockets', () => {
    const problems = problemsOf(textOf(['{ port: 1, pool: a }', '{ pool: b }'], 'unix:/run/x.sock'))
    expect(problems.map(({ path }) => path)).to.deep.equal(['listeners[0].route[0].port'])
  })

  it('is looked at for loops', () => {
    const pools = 'pools: { a: {}, b: { backends: [{ name: x, address: "127.0.0.1:7200" }] } }\n'
    const [problem] = problemsOf(textOf(['{ sni: x.example, pool: b }', '{ pool: a }'], '127.0.0.1:7200', pools))
    expect(problem?.code).to.equal('LIMPET_ERR_SELF_BACKEND')
  })
})

describe('listeners[].route by code', () => {
  const choose = (): string => 'a'
  const MODULE = '{ module: "./route.js#choose" }'
  const options = (route: unknown[], listener = {}, pools: object = { a: {}, b: {} }): object => ({
    listeners: [{ name: 'l', bind: ':7200', route, ...listener }],
    pools,
  })

  it('may lead to every pool, and is told as it can be read again', () => {
    const config = parseConfig(textOf(['{ sni: x.example, pool: b }', MODULE]), {
      ...HERMETIC,
      directory: '/etc/limpet',
    })
    const [listener] = config.listeners
    const [, entry] = listener?.route ?? []
    expect(entry).to.have.property('by').that.includes({ path: '/etc/limpet/route.js', exportName: 'choose' })
    expect(listener?.pools).to.deep.equal(['b', 'a'])
    expect(config.warnings.join()).not.to.match(/no listener sends clients/)
    expect(describeConfig(config).listeners[0]?.route).to.deep.equal([
      { sni: 'x.example', pool: 'b' },
      { module: './route.js#choose' },
    ])
  })

  it('is a function of a program, which is told by its name', () => {
    const config = resolveOptions(options([{ function: choose }, { pool: 'b' }]) as never, HERMETIC)
    expect(config.listeners[0]?.route[0]).to.deep.equal({ by: choose })
    expect(describeConfig(config).listeners[0]?.route?.[0]).to.deep.equal({ function: '[Function choose]' })
    expect(problemsOfOptions(options([{ function: 'choose' }])).map(({ message }) => message)).to.deep.equal([
      'expected a function, got the text "choose"',
    ])
    expect(messages('{ function: choose }').join()).to.match(/unknown key/)
  })

  it('stands in an entry of its own, and names a module', () => {
    expect(linesOf(textOf(['{ module: "./route.js#choose", sni: x.example }']))).to.deep.equal([
      'limpet.yaml:5:40: listeners[0].route[0].sni: cannot be given together with module. Accepted: one of sni, alpn, port, pool, module',
    ])
    expect(messages('{ module: "./route.js#choose", pool: a }')).to.have.lengthOf(1)
    expect(messages('{ module: ./route.js }')[0]).to.match(/^expected a file and the name of a function/)
    expect(messages('{ module: "./route.txt#choose" }')).to.deep.equal(['"./route.txt" is no module by its name'])
  })

  it('is for nobody behind an entry for everybody, and is none itself', () => {
    expect(messages('{ pool: a }', MODULE)).to.have.lengthOf(1)
    expect(parseConfig(textOf([MODULE, '{ pool: a }']), HERMETIC).listeners[0]?.route).to.have.lengthOf(2)
  })

  it('goes neither with the native acceptor nor with the native relay', () => {
    for (const key of ['acceptor', 'relay']) {
      const problems = problemsOfOptions(options([{ function: choose }], { [key]: 'native' }))
      expect(problems.map(({ path, code }) => [path, code])).to.deep.equal([
        [`listeners[0].${key}`, 'LIMPET_ERR_CONFIG'],
      ])
    }
  })

  it('does not lead to pools that are transparent, which are refused where the listener names them', () => {
    const pools = { a: {}, b: { source: { transparent: 'on' } } }
    const config = resolveOptions(options([{ function: choose }], {}, pools) as never, HERMETIC)
    expect(config.listeners[0]?.pools).to.deep.equal(['a'])
    const problems = problemsOfOptions(options([{ function: choose }, { pool: 'b' }], {}, pools))
    expect(problems.map(({ path, code }) => [path, code])).to.deep.equal([
      ['listeners[0].route', 'LIMPET_ERR_TRANSPARENT'],
    ])
  })

  it('is compared by the function itself, and is another acceptor', () => {
    const resolve = (route: unknown[]): ReturnType<typeof resolveOptions> =>
      resolveOptions(options(route) as never, HERMETIC)
    const changes = (before: unknown[], after: unknown[]): [string, boolean][] =>
      changedSettings(resolve(before), resolve(after)).map(({ path, needsRestart }) => [path, needsRestart])
    const other = { choose: (): string => 'b' }
    expect(changes([{ function: choose }], [{ function: choose }])).to.deep.equal([])
    expect(changes([{ function: choose }], [{ function: other.choose }])).to.deep.equal([
      ['listeners.l.route[0].function', false],
    ])
    expect(changes([{ pool: 'a' }], [{ function: choose }])).to.deep.equal([
      ['listeners.l.route[0].pool', true],
      ['listeners.l.route[0].function', true],
    ])
  })
})

describe('affinity.postgres', () => {
  const pool = (affinity: string): string => `pools: { p: { affinity: ${affinity} } }\n`

  it('is for pools with a key of PostgreSQL', () => {
    const refuse = 'postgres: { tls: refuse }'
    const config = parseConfig(pool(`{ key: [http.path, postgres.user], ${refuse} }`), HERMETIC)
    expect(config.pools.get('p')?.affinity.postgres).to.deep.equal({ tls: 'refuse' })
    expect(problemsOf(pool(`{ key: tls.sni, ${refuse} }`)).map(({ path }) => path)).to.deep.equal([
      'pools.p.affinity.postgres.tls',
    ])
    expect(problemsOf(pool(`{ ${refuse} }`))).to.have.lengthOf(1)
    expect(parseConfig(pool('{ postgres: { tls: miss } }'), HERMETIC).pools.size).to.equal(1)
  })
})
