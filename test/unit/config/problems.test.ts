import { expect } from 'chai'
import { backendText, linesOf, poolText, problemsOf, problemsOfOptions } from './helpers.ts'

/** What the only problem of a text says, without its place in the file. */
function only(text: string): string {
  const lines = linesOf(text)
  expect(lines, lines.join('\n')).to.have.length(1)
  return (lines[0] ?? '').replace(/^limpet.yaml:\d+:\d+: /, '')
}

describe('problems of a configuration', () => {
  it('are all told at once, in the order of the text', () => {
    const text = [
      'listeners:',
      '  - name: redis',
      '    bind: 7200',
      '    pool: rediss',
      '    acceptor: naive',
      'shutdown_timeout: 5',
      'pools:',
      '  redis:',
      '    placment: ring',
      '    secret: { env: LIMPET_NOT_SET }',
      '    timeouts: { connect: 5 }',
      '    backends:',
      '      - { name: a, adress: 127.0.0.1:1 }',
      '      - { name: a, address: 127.0.0.1:2, weight: 70000 }',
      '',
    ].join('\n')
    expect(linesOf(text)).to.deep.equal([
      'limpet.yaml:3:11: listeners[0].bind: 7200 is a number, not an address: write ":7200" for a port. Accepted: host:port, "[v6]:port" (quoted in YAML), :port or unix:/path',
      'limpet.yaml:4:11: listeners[0].pool: there is no pool "rediss"; did you mean "redis"? Accepted: redis',
      'limpet.yaml:5:15: listeners[0].acceptor: "naive" is not accepted; did you mean "native"? Accepted: auto, net, native',
      'limpet.yaml:6:1: shutdown_timeout: unknown key; did you mean "shutdownTimeout"? Accepted: listeners, pools, threads, shutdownTimeout, state, user, group, log, admin, cluster',
      'limpet.yaml:9:5: pools.redis.placment: unknown key; did you mean "placement"? Accepted: placement, boundedLoad, secret, affinity, stickTable, timeouts, maxSessions, retries, health, failOpen, ejection, returnHome, rebalance, agent, limits, slowStart, sendProxy, source, backends, backendTls',
      'limpet.yaml:10:20: pools.redis.secret.env: the environment variable "LIMPET_NOT_SET" is not set. Accepted: a variable that holds 8 to 4096 bytes',
      'limpet.yaml:11:26: pools.redis.timeouts.connect: 5 has no unit: write 5s for seconds or 5ms for milliseconds. Accepted: a number with a unit (ms, s, m, h, d), like 5s or 1.5h, from 1ms to 1h',
      'limpet.yaml:13:20: pools.redis.backends[0].adress: unknown key; did you mean "address"? Accepted: name, address, weight, maxSessions, backup, state, health',
      'limpet.yaml:14:17: pools.redis.backends[1].name: there is already a backend "a", entry [0]. Accepted: a name that no other backend has',
      'limpet.yaml:14:50: pools.redis.backends[1].weight: 70000 is out of range. Accepted: a whole number from 0 to 65535',
    ])
  })

  it('tell what a health check does not take', () => {
    const health = (text: string): string => only(poolText(`health: ${text}`)).replace(/^pools\.\w+\.health\.?/, '')
    expect(health('{ type: rediss }')).to.match(/^type: "rediss" is not accepted; did you mean "redis"\?/)
    expect(health('{ path: /up }')).to.equal(
      'path: a check of type tcp does not have this. Accepted: type http or https',
    )
    expect(health('{ type: http, path: "/a b" }')).to.match(
      /^path: this is no path\. Accepted: a path that begins with/,
    )
    expect(health('{ type: expect }')).to.match(/^steps: is missing\. Accepted: a list, like/)
    expect(health('{ type: expect, steps: [{ timeout: 1s }] }')).to.equal(
      'steps[0]: the step does nothing. Accepted: one of send, sendHex, expect, expectHex, expectRegex',
    )
    expect(health('{ type: expect, steps: [{ send: a, expect: b }] }')).to.match(
      /^steps\[0\]: a step is only one of send, expect\./,
    )
    expect(health('{ type: expect, steps: [{ expectRegex: "(" }] }')).to.match(
      /expectRegex: Invalid regular expression/,
    )
    expect(health('{ type: expect, steps: [{ sendHex: 0d0 }] }')).to.match(/sendHex: "0d0" is not that/)
    expect(health('{ type: http, status: 200-99 }')).to.match(/^status: "200-99" are no statuses/)
    expect(health('{ interval: 1ms }')).to.match(/^interval: 1ms is too short/)
    expect(health('[]')).to.match(/expected a mapping or off/)
    expect(only(poolText('failOpen: 101'))).to.match(
      /101 is out of range\. Accepted: a whole number from 1 to 100, or off/,
    )
  })

  it('carry the code that fits best', () => {
    const codes = problemsOf(
      'listeners: [{ name: l, bind: x, pool: q }]\npools: { p: { secret: short, retries: 99 } }',
    ).map(problem => problem.code)
    expect(codes).to.deep.equal([
      'LIMPET_ERR_BAD_ADDRESS',
      'LIMPET_ERR_UNKNOWN_POOL',
      'LIMPET_ERR_BAD_SECRET',
      'LIMPET_ERR_CONFIG',
    ])
  })

  it('point at what is missing', () => {
    expect(linesOf('log: {}\n')).to.deep.equal([
      'limpet.yaml:1:1: pools: is missing. Accepted: a mapping of names to settings',
    ])
    expect(linesOf('pools:\n')).to.deep.equal([
      'limpet.yaml:1:1: pools: is empty; expected a mapping. Accepted: a mapping of names to settings',
    ])
    expect(linesOf('pools: {}\n')).to.deep.equal([
      'limpet.yaml:1:1: pools: there is no pool. Accepted: at least one pool',
    ])
    expect(linesOf(poolText('backends:', '  - weight: 1'))).to.deep.equal([
      'limpet.yaml:4:9: pools.p.backends[0].name: is missing. Accepted: 1 to 128 letters, digits and . _ : @ / -, beginning with a letter or a digit',
      'limpet.yaml:4:9: pools.p.backends[0].address: is missing. Accepted: host:port, "[v6]:port" (quoted in YAML) or unix:/path',
    ])
    expect(linesOf('listeners: [{}]\npools: { p: {} }\n')).to.have.length(3)
  })

  it('point at what is empty', () => {
    expect(linesOf(poolText('timeouts:'))[0]).to.equal(
      'limpet.yaml:3:5: pools.p.timeouts: is empty; expected a mapping. Accepted: a mapping of connect, idle, fin, keepalive',
    )
    expect(linesOf(poolText('backends:'))[0]).to.equal(
      'limpet.yaml:3:5: pools.p.backends: is empty; expected a list. Accepted: a list, each entry after a "-"',
    )
    expect(linesOf(poolText('retries:'))[0]).to.equal(
      'limpet.yaml:3:5: pools.p.retries: expected a number, got nothing. Accepted: a whole number from 0 to 16',
    )
  })

  it('say what a wrong kind of value should have been', () => {
    expect(only(poolText('backends: 5'))).to.equal(
      'pools.p.backends: expected a list, got 5. Accepted: a list, each entry after a "-"',
    )
    expect(linesOf(poolText('backends: { a: 1 }'))[0]).to.match(/pools.p.backends.dns: is missing/)
    expect(only(poolText('backends: [a]'))).to.equal(
      'pools.p.backends[0]: expected a mapping, got the text "a". Accepted: a mapping of name, address, weight, maxSessions, backup, state, health',
    )
    expect(only('pools: [p]')).to.match(/^pools: expected a mapping, got a list/)
    expect(only('pools: { p: 5 }')).to.match(/^pools.p: expected a mapping, got 5/)
    expect(only('listeners: 5\npools: { p: {} }')).to.match(/^listeners: expected a list, got 5/)
  })
})

describe('unknown keys', () => {
  it('are told with the nearest known one, across case, hyphens and underscores', () => {
    for (const [key, meant] of [
      ['bounded_load', 'boundedLoad'],
      ['sticktable', 'stickTable'],
      ['stick-table', 'stickTable'],
      ['timeout', 'timeouts'],
      ['stick', 'stickTable'],
      ['backend', 'backends'],
      ['plcement', 'placement'],
    ]) {
      expect(only(poolText(`${key}: 1`)), key).to.match(
        new RegExp(`^pools\\.p\\.${key}: unknown key; did you mean "${meant}"\\? Accepted: placement, `),
      )
    }
  })

  it('are told without a guess when none is near', () => {
    expect(only(poolText('zzz: 1'))).to.match(/^pools.p.zzz: unknown key\. Accepted: /)
    expect(only(poolText(`${'x'.repeat(1000)}: 1`))).to.match(/unknown key\. Accepted: /)
  })

  it('are told where they belong', () => {
    expect(only(poolText('weight: 1'))).to.match(
      /^pools.p.weight: unknown key; it belongs to pools.<name>.backends\[\], or pools.<name>.backends\. /,
    )
    expect(only(poolText('connect: 5s'))).to.match(/unknown key; it belongs to pools.<name>.timeouts\. /)
    expect(only(poolText('timeouts: { interval: 5s }'))).to.match(
      /unknown key; it belongs to pools.<name>.timeouts.keepalive, or pools.<name>.health, or pools.<name>.agent\. /,
    )
  })

  it('are told when only a space is missing', () => {
    expect(only('pools: { p: { retries:3 } }')).to.match(
      /^pools.p.retries:3: unknown key; a space is missing after "retries:"/,
    )
  })

  it('that a misspelling made missing are one mistake, not two', () => {
    expect(only(backendText('nmae: a, address: "127.0.0.1:1"'))).to.match(/did you mean "name"/)
    expect(linesOf(backendText('zzz: a, address: "127.0.0.1:1"'))).to.have.length(2)
  })

  it('are quoted in the path when they could be misread', () => {
    expect(problemsOf(poolText('"a b": 1', '"": 1', '"\\e[31m": 1')).map(({ path }) => path)).to.deep.equal([
      'pools.p["a b"]',
      'pools.p[""]',
      'pools.p["\\u001b[31m"]',
    ])
  })
})

describe('values', () => {
  it('of words are suggested', () => {
    expect(only(poolText('placement: rendevous'))).to.equal(
      'pools.p.placement: "rendevous" is not accepted; did you mean "rendezvous"? Accepted: rendezvous, ring',
    )
    expect(only(poolText('placement: [ring]'))).to.equal(
      'pools.p.placement: expected a word, got a list. Accepted: rendezvous, ring',
    )
    expect(only(poolText('affinity: { fallback: adress }'))).to.equal(
      'pools.p.affinity.fallback: "adress" is not accepted. Accepted: source, refuse, random',
    )
    expect(only('pools: { p: {} }\nlog: { level: warning }')).to.match(/did you mean "warn"\?/)
  })

  it('of numbers are whole, in range and unquoted', () => {
    expect(only(poolText('retries: "3"'))).to.equal(
      'pools.p.retries: expected a number, got the text "3": write it without quotes. Accepted: a whole number from 0 to 16',
    )
    expect(only(poolText('retries: 3.5'))).to.match(/3.5 is not a whole number/)
    expect(only(poolText('retries: .nan'))).to.match(/NaN is not a whole number/)
    expect(only(poolText('retries: .inf'))).to.match(/Infinity is not a whole number/)
    expect(only(poolText('retries: 1_0'))).to.match(/expected a number, got the text "1_0"/)
    expect(only(poolText('affinity: { ipv4Prefix: 0 }'))).to.match(
      /0 is out of range. Accepted: a whole number from 1 to 32/,
    )
    expect(only(poolText('affinity: { ipv6Prefix: 129 }'))).to.match(
      /129 is out of range. Accepted: auto, or a whole number from 1 to 128/,
    )
    expect(only(poolText('stickTable: { size: 0 }'))).to.match(
      /0 is out of range. Accepted: a whole number from 1 to 100000000 \(some 2 GB of memory\)/,
    )
  })

  it('of boundedLoad are at least 1 with at most 3 decimals', () => {
    const accepted = 'Accepted: a number from 1 to 1000 with at most 3 decimals, { factor, scope } or off'
    expect(only(poolText('boundedLoad: 1.2345'))).to.equal(
      `pools.p.boundedLoad: 1.2345 has more than 3 decimals. ${accepted}`,
    )
    expect(only(poolText('boundedLoad: 0'))).to.equal(
      `pools.p.boundedLoad: 0 is too small: write off for no bound. ${accepted}`,
    )
    expect(only(poolText('boundedLoad: 0.999'))).to.equal(
      `pools.p.boundedLoad: 0.999 is too small: below 1 there would be no seat for everybody. ${accepted}`,
    )
    expect(only(poolText('boundedLoad: 1001'))).to.equal(
      `pools.p.boundedLoad: 1001 is too large: write off for no bound. ${accepted}`,
    )
    for (const value of ['.nan', '.inf', 'on', '"1.25"', 'true', '[1]'])
      expect(only(poolText(`boundedLoad: ${value}`))).to.include(accepted)
  })

  it('of stickTable are a mapping or off', () => {
    expect(only(poolText('stickTable: on'))).to.equal(
      'pools.p.stickTable: expected a mapping or off, got the text "on". Accepted: { size, ttl, file } or off',
    )
    expect(only(poolText('stickTable: 1000'))).to.match(/expected a mapping or off, got 1000/)
    expect(only(poolText('stickTable: { siz: 1 }'))).to.equal(
      'pools.p.stickTable.siz: unknown key; did you mean "size"? Accepted: size, ttl, file',
    )
    expect(only(poolText('stickTable: { ttl: 999ms }'))).to.match(/^pools.p.stickTable.ttl: 999ms is too short/)
  })

  it('of files of stick tables are paths that nobody else has', () => {
    expect(only(poolText('stickTable: { file: "" }'))).to.match(/^pools.p.stickTable.file: expected the path of a file/)
    const shared = (state: string, file: string): string =>
      only(`
listeners: [{ name: l, bind: ":0", pool: p }]
state: ${state}
pools:
  p: { stickTable: { file: ./table } }
  q: { stickTable: { file: ${file} } }
`)
    expect(shared('off', 'table')).to.equal(
      'pools.q.stickTable.file: "table" is already the file of pools.p.stickTable.file. Accepted: a file of its own',
    )
    expect(shared('other', 'x/../other')).to.contain('is already the file of state.')
  })

  it('of secrets are a text, a variable or a file', () => {
    const accepted = 'Accepted: a text of 8 to 4096 bytes, { env: NAME } or { file: PATH }'
    expect(only(poolText('secret: 12345678'))).to.equal(
      `pools.p.secret: expected a text, got a number: put the secret between quotes. ${accepted}`,
    )
    expect(only(poolText('secret: seven77'))).to.equal(`pools.p.secret: the secret has only 7 bytes. ${accepted}`)
    expect(only(poolText('secret: {}'))).to.equal(`pools.p.secret: the mapping is empty. ${accepted}`)
    expect(only(poolText('secret:'))).to.equal(`pools.p.secret: expected a text, got nothing. ${accepted}`)
    expect(only(poolText('secret: [a]'))).to.equal(`pools.p.secret: expected a text, got something else. ${accepted}`)
    expect(only(poolText('secret: { enV: X }'))).to.equal(
      'pools.p.secret.enV: unknown key; did you mean "env"? Accepted: env, file',
    )
    expect(only(poolText(`secret: ${'x'.repeat(4097)}`))).to.equal(
      `pools.p.secret: the secret has 4097 bytes. ${accepted}`,
    )
    expect(linesOf(poolText('secret: { env: A, file: /nonexistent/b }'))).to.satisfy((lines: string[]) =>
      lines.some(line =>
        line.endsWith('pools.p.secret.file: cannot be given together with env. Accepted: one of env, file'),
      ),
    )
  })

  it('of names need no quotes anywhere', () => {
    for (const name of ['a b', '""', '"-a"', '".a"', '"a\\n"', 'ü', `"${'a'.repeat(129)}"`]) {
      expect(only(backendText(`name: ${name}, address: "127.0.0.1:1"`)), name).to.match(/cannot be a name/)
    }
    expect(only(backendText('name: 7, address: "127.0.0.1:1"'))).to.match(/7 is a number; put the name between quotes/)
    expect(only('pools: { "a b": {} }')).to.match(/^pools\["a b"\]: "a b" cannot be a name/)
  })

  it('of keepalive are what the kernel counts', () => {
    const keepalive = (settings: string): string => only(poolText(`timeouts: { keepalive: { ${settings} } }`))
    expect(keepalive('idle: 1500ms')).to.match(/1500ms is not a whole number of seconds/)
    expect(keepalive('idle: 32768s')).to.match(/32768s is too long. .*\(the kernel's limit\)/)
    expect(keepalive('interval: 0')).to.match(/interval: 0 ms is too short|interval: 0/)
    expect(keepalive('count: 128')).to.match(/128 is out of range/)
    expect(keepalive('userTimeout: 25d')).to.match(/25d is too long/)
  })
})

describe('problems of options', () => {
  it('have a path and no line', () => {
    const problems = problemsOfOptions({ pools: { p: { retries: 99, timeouts: { idle: -1 } } }, foo: 1 })
    expect(problems.map(({ path }) => path)).to.have.members(['pools.p.retries', 'pools.p.timeouts.idle', 'foo'])
    for (const problem of problems) expect(problem).not.to.have.any.keys('line', 'column', 'file')
  })

  it('are told for what is no document at all', () => {
    for (const value of [undefined, null, 5, 'x', [], () => 1])
      expect(problemsOfOptions(value)[0]?.path, String(value)).to.equal('')
  })

  it('do not overlook a pool named __proto__', () => {
    const problems = problemsOfOptions(JSON.parse('{ "pools": { "p": {}, "__proto__": {} } }'))
    expect(problems.map(({ path }) => path)).to.deep.equal(['pools.__proto__'])
  })
})
