import { expect } from 'chai'
import { MOST_CONFIG_BYTES } from '../../../src/config/yaml.ts'
import { formatProblem } from '../../../src/errors.ts'
import { rounds } from '../../helpers/soak.ts'
import { linesOf, poolText, problemsOf } from './helpers.ts'

describe('the text of a configuration', () => {
  it('is one YAML document', () => {
    expect(linesOf('')).to.deep.equal([
      'limpet.yaml:1:1: the document is empty. Accepted: a mapping with at least the key pools',
    ])
    expect(linesOf('# nothing\n')).to.have.length(1)
    expect(linesOf('pools: {}\n---\npools: {}\n')[0]).to.equal(
      'limpet.yaml:2:1: a second document begins here. Accepted: one document in a file',
    )
    expect(linesOf('- a\n')).to.deep.equal([
      'limpet.yaml:1:1: expected a mapping, got a list. Accepted: a mapping of listeners, pools, threads, shutdownTimeout, state, user, group, log, admin, cluster',
    ])
    for (const text of ['null', '~', '3', '[]']) {
      const lines = linesOf(text, { requireListeners: true })
      expect(lines, text).to.have.length(1)
      expect(lines[0]).to.match(/^limpet.yaml:1:1: (the document is empty; )?expected a mapping/)
    }
  })

  it('is YAML 1.2', () => {
    expect(linesOf('%YAML 1.1\n---\npools: {}\n')[0]).to.equal(
      'limpet.yaml:1:1: the document says that it is YAML 1.1. Accepted: YAML 1.2',
    )
    expect(linesOf('%FOO\n---\npools: {}\n')[0]).to.match(/^limpet.yaml:1:1: unknown directive %FOO/)
  })

  it('gives syntax errors their line, column and nearest place', () => {
    expect(linesOf('pools:\n\tp: {}\n')).to.deep.equal([
      'limpet.yaml:2:1: pools: a tab cannot indent in YAML: use spaces',
    ])
    expect(linesOf(poolText('secret: "abc'))).to.deep.equal(['limpet.yaml:4:1: pools.p.secret: missing closing "quote'])
    expect(linesOf(poolText('backends:', '  - { name: a, address: 127.0.0.1:1 weight: 2 }'))).to.have.length(1)
    expect(linesOf(poolText('retries: 3 placement: ring'))[0]).to.equal(
      'limpet.yaml:3:14: pools.p.retries: a second ": " on one line: begin a new line, or put the value between quotes',
    )
    expect(linesOf(poolText('retries: @3'))[0]).to.match(
      /^limpet.yaml:3:14: pools.p.retries: plain value cannot start with reserved character @: put/,
    )
    expect(linesOf('pools: ]\n')[0]).to.equal('limpet.yaml:1:8: pools: unexpected "]"')
  })

  it('says that an IPv6 address must be quoted', () => {
    const hint = 'an IPv6 address must be between quotes, because [ ] is a list in YAML: write'
    expect(linesOf('listeners:\n  - name: a\n    bind: [::1]:7200\n    pool: p\npools: { p: {} }\n')).to.deep.equal([
      `limpet.yaml:3:11: listeners[0].bind: ${hint} "[::1]:7200"`,
    ])
    expect(linesOf('listeners: [{ name: a, bind: [2001:db8::7]:80, pool: p }]\npools: { p: {} }\n')).to.deep.equal([
      `limpet.yaml:1:30: listeners[0].bind: ${hint} "[2001:db8::7]:80"`,
    ])
    expect(linesOf(poolText('backends:', '  - { name: a, address: [::1]:6379 }'))).to.deep.equal([
      `limpet.yaml:4:29: pools.p.backends[0].address: ${hint} "[::1]:6379"`,
    ])
    expect(linesOf(poolText('backends:', '  - { name: a, address: [::1] }'))[0]).to.include(
      'an IPv6 address in [ ] must be quoted in YAML',
    )
  })

  it('is read further behind an IPv6 address without quotes', () => {
    const text = [
      'listeners:',
      '  - { name: a, bind: [::1]:7200, pool: q } # [::2]:1',
      '  - name: b',
      '    bind: [fe80::1%eth0]:7201',
      '    pool: p',
      'pools:',
      '  p: { retries: 99, backends: [{ name: a, address: [::1]:99999, weight: -1 }, { name: b, address: [::]:1 }] }',
      '',
    ].join('\n')
    expect(problemsOf(text).map(({ line, column, path }) => [line, column, path])).to.deep.equal([
      [2, 22, 'listeners[0].bind'],
      [2, 40, 'listeners[0].pool'],
      [4, 11, 'listeners[1].bind'],
      [4, 11, 'listeners[1].bind'],
      [7, 17, 'pools.p.retries'],
      [7, 52, 'pools.p.backends[0].address'],
      [7, 52, 'pools.p.backends[0].address'],
      [7, 73, 'pools.p.backends[0].weight'],
      [7, 99, 'pools.p.backends[1].address'],
      [7, 99, 'pools.p.backends[1].address'],
    ])
    const quoted = text.replaceAll(/(?<!# )\[[\w:%]+\]:\d+/g, '"$&"')
    const hint = /must be between quotes/
    const known = linesOf(text).filter(line => !hint.test(line))
    const messages = (lines: readonly string[]): string[] => lines.map(line => line.replace(/:\d+: /, ': '))
    expect(messages(known)).to.deep.equal(messages(linesOf(quoted)))
  })

  it('tells other syntax errors beside it, and no more', () => {
    expect(linesOf('pools:\n  p: { a: [::1]:1, b: 2 }\n  q: @x\nx: "abc').map(line => line.slice(0, 28))).to.deep.equal(
      ['limpet.yaml:2:11: pools.p.a:', 'limpet.yaml:3:6: pools.q: pl', 'limpet.yaml:4:8: x: missing '],
    )
  })

  it('has each key once', () => {
    const lines = linesOf('pools: { p: { retries: 1, retries: 2 } }\nlog: {}\nlog: {}\n')
    expect(lines).to.deep.equal([
      'limpet.yaml:1:27: pools.p.retries: this key is there twice. Accepted: each key once',
      'limpet.yaml:3:1: log: this key is there twice. Accepted: each key once',
    ])
  })

  it('has text as keys', () => {
    expect(linesOf('? [a]\n: b\npools: { p: {} }\n')[0]).to.equal('limpet.yaml:1:3: a key must be a plain text')
    expect(linesOf(': b\npools: { p: {} }\n')[0]).to.match(/a key must be a plain text/)
    expect(linesOf('pools: { p: {}, __proto__: {} }\n')).to.deep.equal([
      'limpet.yaml:1:17: pools.__proto__: this key is not accepted',
    ])
  })

  it('takes anchors and aliases, and places their mistakes where they are written', () => {
    const text = 'pools:\n  p: &p\n    retries: 99\n  q: *p\n'
    expect(problemsOf(text).map(({ line, column, path }) => [line, column, path])).to.deep.equal([
      [3, 14, 'pools.p.retries'],
      [3, 14, 'pools.q.retries'],
    ])
    expect(linesOf('pools: *nope\n')).to.deep.equal([
      'limpet.yaml:1:8: pools: there is no anchor "&nope" before this alias',
    ])
    expect(linesOf('pools: &x { p: *x }\n')).to.deep.equal([
      'limpet.yaml:1:16: pools.p: the alias "*x" contains itself',
    ])
    expect(linesOf('listeners: [{ name: l, bind: *:80, pool: p }]\npools: { p: {} }\n')[0]).to.match(
      /for every address write ":80"$/,
    )
    expect(linesOf(poolText('<<: { retries: 3 }'))[0]).to.match(
      /pools.p\["<<"\]: unknown key; YAML 1.2 has no merge keys/,
    )
  })

  it('takes no tags but the plain ones', () => {
    expect(linesOf('pools: !foo { p: {} }\n')).to.deep.equal([
      'limpet.yaml:1:8: pools: ! begins a tag, and tags are not accepted: put a text that begins with ! between quotes',
    ])
    expect(linesOf(poolText('secret: !!binary aGVsbG8gd29ybGQ='))).to.deep.equal([
      'limpet.yaml:3:22: pools.p.secret: the tag "tag:yaml.org,2002:binary" is not accepted',
    ])
    expect(linesOf('pools: { !foo p: { retries: 99 } }\n')).to.have.length(1)
    expect(linesOf(poolText('retries: !!str 3'))[0]).to.include('write it without quotes')
  })

  it('is read further behind a tag', () => {
    const text = poolText('secret: !foo', 'retries: 99', 'backends:', '  - !bar x', '  - { name: a, address: x }')
    expect(problemsOf(text).map(({ line, column, path }) => [line, column, path])).to.deep.equal([
      [3, 13, 'pools.p.secret'],
      [4, 14, 'pools.p.retries'],
      [6, 9, 'pools.p.backends[0]'],
      [7, 29, 'pools.p.backends[1].address'],
    ])
  })

  it('counts lines also with carriage returns, and columns in characters', () => {
    expect(linesOf('pools:\r\n  p:\r\n    foo: 1\r\n')[0]).to.match(/^limpet.yaml:3:5: pools.p.foo: /)
    expect(linesOf('{ pools: { p: { secret: "äöü12345", foo: 1 } } }')[0]).to.match(/^limpet.yaml:1:37: pools.p.foo: /)
  })

  it('never shows the text of a secret', () => {
    const secret = 'hunter2-hunter2'
    const texts = [
      poolText(`secret: "${secret}" x`),
      poolText(`secret:${secret}`),
      poolText(`secret: { ${secret} }`),
      poolText(`secret: [${secret}]`),
      poolText(`secret: ${secret} : ${secret}`),
      poolText(`secret: @${secret}`),
      poolText(`secret: !${secret}`),
      poolText(`secret: !!${secret}`),
      poolText(`secret: !a!${secret} b`),
      poolText(`!${secret} secret: abc`),
      poolText(`secret: *${secret}`),
      poolText(`secret: &${secret}`),
      poolText(`secret: %${secret}`),
      poolText(`secret: { env: ${secret} }`),
      `pools: { p: { secret:${secret} } }`,
      `- a\nsecret: ${secret}\n`,
      `pools: {}\n"x" ${secret}\n`,
    ]
    for (const text of texts) {
      const shown = problemsOf(text).map(problem => `${formatProblem(problem)} ${JSON.stringify(problem)}`)
      expect(shown.join('\n'), text).not.to.include('hunter2')
    }
  })
})

describe('a hostile text', () => {
  const size = rounds(MOST_CONFIG_BYTES / 32, MOST_CONFIG_BYTES) - 16
  const fill = (part: string): string => part.repeat(Math.floor(size / part.length))

  it('is refused above its size', () => {
    expect(linesOf(' '.repeat(MOST_CONFIG_BYTES + 1))).to.deep.equal([
      `limpet.yaml:1:1: the text has ${MOST_CONFIG_BYTES + 1} bytes. Accepted: at most 4 MiB and 1,000,000 tokens`,
    ])
  })

  for (const part of ['[', '{a: ', '- ', '? ', 'a: ', '- {[ ']) {
    it(`is refused when it is nested: ${JSON.stringify(part)}`, () => {
      expect(linesOf(fill(part))[0]).to.match(/this is nested too deeply/)
    })
  }

  for (const part of ['a,', '&a ', '"', ']', '\n', '---\n', '%a\n', 'a: b\n', '#\n']) {
    it(`is refused in bounded time: ${JSON.stringify(part)}`, () => {
      expect(linesOf(fill(part))).to.have.length.greaterThan(0)
    })
  }

  it('is refused when indentation nests it', () => {
    const text = Array.from({ length: 1000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')
    expect(linesOf(text).some(line => line.includes('this is nested too deeply'))).to.equal(true)
  })

  it('is refused when its aliases expand to too much', () => {
    const levels = Array.from(
      { length: 30 },
      (_, level) => `a${level + 1}: &a${level + 1} [${Array(10).fill(`*a${level}`)}]`,
    )
    expect(linesOf(['a0: &a0 [1]', ...levels].join('\n')))
      .to.have.length(1)
      .and.to.match(/too many values once its aliases are expanded/)
  })

  it('has at most a thousand problems', () => {
    expect(
      problemsOf(poolText('backends:', ...Array(5000).fill('  - { name: 1, address: 2, weight: 3.5 }'))),
    ).to.have.length(1000)
  })
})
