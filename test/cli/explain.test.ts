import { Readable } from 'node:stream'
import { expect } from 'chai'
import fc from 'fast-check'
import type { ExplainRecord } from '../../src/cli/explain-addresses.ts'
import { wholeLines } from '../../src/cli/lines.ts'
import { Placement } from '../../src/index.ts'
import { cleanUp, fileOf, limpet, runnable } from './helpers.ts'

const BACKENDS = ['127.0.0.1:7001', '127.0.0.1:7002', '[::1]:7003']
const ADDRESSES = Array.from({ length: 200 }, (_, index) => `10.0.${index}.${(index * 7) % 256}`)

describe('cli: explain', () => {
  let file = ''

  before(() => {
    file = fileOf(runnable(BACKENDS))
  })
  after(cleanUp)

  async function records(args: string[], input = ''): Promise<ExplainRecord[]> {
    const { status, stdout, stderr } = await limpet(['explain', '-c', file, '--json', ...args], { input })
    expect({ status, stderr }).to.deep.equal({ status: 0, stderr: '' })
    return stdout
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as ExplainRecord)
  }

  it('tells key, home, order and digest', async () => {
    const { status, stdout, stderr } = await limpet(['explain', '-c', file, '192.0.2.7', '2001:db8::7'])
    expect({ status, stderr }).to.deep.equal({ status: 0, stderr: '' })
    const [first, second] = await records(['192.0.2.7', '2001:db8::7'])
    expect(stdout).to.match(/^pool p: rendezvous, 3 backends, digest [0-9a-f]{16}\n/)
    expect(stdout).to.contain(first?.digest)
    expect(stdout).to.contain('  key    192.0.2.7/32\n').and.to.contain('  key    2001:db8::/64\n')
    expect(stdout).to.contain(`  home   ${first?.home}\n`).and.to.contain(`  home   ${second?.home}\n`)
    for (const [index, name] of (first?.order ?? []).entries()) {
      expect(stdout).to.contain(`${index + 1}  ${name}  ${BACKENDS[Number(name.slice(1))]}\n`)
    }
  })

  it('gives an object a line with --json', async () => {
    const found = await records(['192.0.2.7', '::ffff:192.0.2.7'])
    expect(found).to.have.length(2)
    for (const record of found) expect(record).to.have.all.keys('address', 'key', 'home', 'order', 'pool', 'digest')
    const [plain, mapped] = found
    expect(plain).to.deep.include({ address: '192.0.2.7', key: '192.0.2.7/32', pool: 'p' })
    expect(plain?.order).to.have.members(['s0', 's1', 's2'])
    expect(plain?.home).to.equal(plain?.order[0])
    expect(mapped).to.deep.equal({ ...plain, address: '::ffff:192.0.2.7' })
  })

  it('agrees with the library', async () => {
    const backends = ['s0', 's1', 's2'].map(name => ({ name }))
    const placement = new Placement({ secret: 'for the tests only', backends })
    const found = await records(ADDRESSES)
    expect(found.map(({ home }) => home)).to.deep.equal(ADDRESSES.map(address => placement.home(address)))
  })

  it('tells where keys belong that are no addresses, as the library does', async () => {
    const backends = ['s0', 's1', 's2'].map(name => ({ name }))
    const placement = new Placement({ secret: 'for the tests only', backends })
    const [first, second] = await records(['--key', 'ann', '192.0.2.7'])
    expect(first).to.deep.include({ address: 'ann', home: placement.home(Buffer.from('ann')) })
    expect(first?.key).to.match(/^#[0-9a-f]{16}$/)
    expect(second).to.deep.include({ address: '192.0.2.7', home: placement.home(Buffer.from('192.0.2.7')) })
    expect((await limpet(['explain', '-c', file, '--key', ''])).status).to.equal(64)
  })

  it('says of which clients placement does not decide', async () => {
    const text = runnable(BACKENDS).replace(
      '    backends:',
      '    affinity: { key: [rdp.token, tls.sessionId, source] }\n    backends:',
    )
    const { status, stdout } = await limpet(['explain', '-c', fileOf(text), '192.0.2.7'])
    expect(status).to.equal(0)
    expect(stdout.split('\n').slice(1, 4)).to.deep.equal([
      'whoever has a routing token goes to the backend of its address (rdp.token is not hashed)',
      'whoever offers a session of TLS that a backend has named goes there (tls.sessionId is learnt)',
      '',
    ])
    expect((await limpet(['explain', '-c', file, '192.0.2.7'])).stdout).to.not.contain('whoever')
  })

  it('answers the others when some are malformed, and exits with 65', async () => {
    const malformed: Record<string, RegExp> = {
      'fe80::1%eth0': /leave its zone/,
      '10.0.0.0/8': /leave its prefix length out/,
      '10.0.0.1:80': /leave the port/,
      '[::1]:80': /leave the port/,
      'example.com': /is not an IP address$/m,
      '10.0.0.256': /is not an IP address$/m,
      '': /"" is not an IP address/,
      '\u001b[31m': /"\\u001b\[31m" is not/,
    }
    const args = ['10.0.0.1', ...Object.keys(malformed), '10.0.0.2']
    const { status, stdout, stderr } = await limpet(['explain', '-c', file, '--json', ...args])
    expect(status).to.equal(65)
    expect(stdout.match(/"address":"[^"]*"/g)).to.deep.equal(['"address":"10.0.0.1"', '"address":"10.0.0.2"'])
    for (const says of Object.values(malformed)) expect(stderr).to.match(says)
    expect(stderr.trimEnd().split('\n')).to.have.length(Object.keys(malformed).length)
  })

  it('says so when there is no home', async () => {
    const weightless = fileOf('pools: { p: { backends: [{ name: a, address: "127.0.0.1:1", weight: 0 }] } }')
    const { stdout } = await limpet(['explain', '-c', weightless, '192.0.2.7'])
    expect(stdout).to.contain('home   none: no backend has a weight')
    const json = await limpet(['explain', '-c', weightless, '--json', '192.0.2.7'])
    expect(JSON.parse(json.stdout)).to.deep.include({ home: null, order: [] })
    const stream = await limpet(['explain', '-c', weightless, '-'], { input: '192.0.2.7\n' })
    expect(stream).to.include({ status: 0, stdout: '192.0.2.7 -\n' })
  })

  it('asks the pool that was chosen', async () => {
    const two = fileOf(
      'pools: { p: { backends: [{ name: a, address: "127.0.0.1:1" }] }, q: { backends: [{ name: b, address: "127.0.0.1:1" }] } }',
    )
    for (const [pool, home] of [
      ['p', 'a'],
      ['q', 'b'],
    ] as const) {
      expect((await limpet(['explain', '-c', two, '--pool', pool, '-'], { input: '::1\n' })).stdout).to.equal(
        `::1 ${home}\n`,
      )
    }
  })

  it('cuts its table to the terminal, and only there', async () => {
    const name = 'n'.repeat(100)
    const wide = fileOf(`pools: { p: { backends: [{ name: ${name}, address: "127.0.0.1:1" }] } }`)
    const plain = await limpet(['explain', '-c', wide, '192.0.2.7'])
    expect(plain.stdout).to.contain(`${name}  127.0.0.1:1`)
    const narrow = await limpet(['explain', '-c', wide, '192.0.2.7'], { columns: 40, env: { NO_COLOR: '1' } })
    const lengths = narrow.stdout.split('\n').map(line => line.length)
    expect(Math.max(...lengths)).to.equal(40)
    expect(narrow.stdout).to.contain('n…\n')
  })

  it('exits with 78 for a configuration that is not valid, also as JSON', async () => {
    const bad = fileOf('pools: {}')
    const { status, stdout, stderr } = await limpet(['explain', '-c', bad, '--json', '192.0.2.7'])
    expect({ status, stdout }).to.deep.equal({ status: 78, stdout: '' })
    const report = JSON.parse(stderr) as { valid: boolean; problems: object[] }
    expect(report.valid).to.equal(false)
    expect(report.problems[0]).to.include({ path: 'pools', file: bad })
  })

  describe('of standard input', () => {
    it('prints "address home", whatever the line ends', async () => {
      const input = `\n 192.0.2.7\r\n\t\n2001:db8::7\t\n192.0.2.9`
      const { status, stdout, stderr } = await limpet(['explain', '-c', file, '-'], { input })
      expect({ status, stderr }).to.deep.equal({ status: 0, stderr: '' })
      const expected = await records(['192.0.2.7', '2001:db8::7', '192.0.2.9'])
      expect(stdout).to.equal(expected.map(({ address, home }) => `${address} ${home}\n`).join(''))
      expect(await records(['-'], input)).to.deep.equal(expected)
    })

    it('tells malformed lines with their numbers, and leaves them out', async () => {
      for (const format of [[], ['--json']]) {
        const input = [
          '',
          'x',
          '192.0.2.7',
          '',
          '192.0.2.7%lo',
          '\u00a0',
          ...ADDRESSES,
          ...Array(10).fill('junk'),
        ].join('\n')
        const { status, stdout, stderr } = await limpet(['explain', '-c', file, ...format, '-'], { input })
        expect(status).to.equal(65)
        expect(stdout.trimEnd().split('\n')).to.have.length(ADDRESSES.length + 1)
        const told = stderr.trimEnd().split('\n')
        expect(told).to.have.length(6)
        expect(told.slice(0, 3)).to.deep.equal([
          'limpet: line 2: "x" is not an IP address',
          'limpet: line 5: "192.0.2.7%lo" is not an IP address: leave its zone (%…) out, it means nothing on another host',
          'limpet: line 6: "\u00a0" is not an IP address',
        ])
        expect(told[3]).to.contain(`line ${ADDRESSES.length + 7}: "junk"`)
        expect(told[5]).to.equal('limpet: 13 malformed lines were left out, the first 5 are above')
      }
    })

    it('numbers lines over blocks, and survives a line without an end', async () => {
      const chunks = [
        '192.0.2.7\n192.',
        '0.2.8\nx',
        'y\n',
        'z'.repeat(50_000),
        'z'.repeat(50_000),
        'z',
        'z\n192.0.2.9\n',
        '%',
      ]
      const input = Readable.from(chunks.map(chunk => Buffer.from(chunk)))
      const { status, stdout, stderr } = await limpet(['explain', '-c', file, '-'], { input })
      expect(status).to.equal(65)
      expect(stdout.match(/^\S+/gm)).to.deep.equal(['192.0.2.7', '192.0.2.8', '192.0.2.9'])
      expect(stderr.match(/line \d+/g)).to.deep.equal(['line 3', 'line 4', 'line 6'])
      expect(stderr).to.contain('(a line of more than 65536 bytes)')
    })

    it('is nothing for nothing', async () => {
      expect(await limpet(['explain', '-c', file, '-'])).to.deep.equal({ status: 0, stdout: '', stderr: '' })
    })

    it('says so when it cannot be read', async () => {
      const input = new Readable({
        read() {
          this.destroy(new Error('EISDIR: illegal operation on a directory'))
        },
      })
      const { status, stderr } = await limpet(['explain', '-c', file, '-'], { input })
      expect(status).to.equal(1)
      expect(stderr).to.equal('limpet: standard input cannot be read: EISDIR: illegal operation on a directory\n')
    })
  })
})

describe('cli: whole lines', () => {
  it('keeps every byte, however the stream is cut', async () => {
    const chunk = fc.array(fc.constantFrom(0x0a, 0x61, 0x20), { maxLength: 8 }).map(bytes => Buffer.from(bytes))
    await fc.assert(
      fc.asyncProperty(fc.array(chunk, { maxLength: 20 }), async chunks => {
        const blocks: Buffer[] = []
        for await (const block of wholeLines(Readable.from(chunks.filter(({ length }) => length > 0))))
          blocks.push(block)
        for (const block of blocks) expect(block.at(-1)).to.equal(0x0a)
        const all = Buffer.concat(chunks).toString()
        const end = all === '' || all.endsWith('\n') ? '' : '\n'
        expect(Buffer.concat(blocks).toString()).to.equal(all + end)
      }),
    )
  })
})
