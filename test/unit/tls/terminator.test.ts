import { rm, writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { resolveOptions } from '../../../src/config/resolve.ts'
import { createLog } from '../../../src/log/log.ts'
import { Terminator } from '../../../src/tls/terminator.ts'
import { Certificates } from '../../helpers/certificates.ts'
import { TEST_MS } from '../../helpers/wait.ts'

describe('the files of a listener with TLS', function () {
  this.timeout(TEST_MS)
  let made: Certificates

  before(async function () {
    made = await Certificates.make(this)
  })

  after(async () => {
    await made?.[Symbol.asyncDispose]()
  })

  it('are read again when they look the same twice, and what is broken is told once and changes nothing', async () => {
    await made.add('used', { names: ['used.test'] })
    const { listeners } = resolveOptions({
      listeners: [{ name: 'l', bind: ':0', pool: 'p', tls: { certificates: [made.pair('used')] } }],
      pools: { p: {} },
    })
    const lines: Record<string, unknown>[] = []
    const log = createLog('info', { write: line => void lines.push(JSON.parse(line)) })
    const settings = listeners[0]?.tls ?? expect.fail('there is no TLS')
    const terminator = new Terminator(settings, 'l', log)
    const [first] = terminator.serials
    const look = async (times: number): Promise<void> => {
      for (let time = 0; time < times; time++) await terminator.look()
    }
    await look(3)
    expect(lines, 'nothing has changed').to.deep.equal([])
    await writeFile(made.key('used'), 'no key')
    await look(1)
    expect(lines, 'it may still be changing').to.deep.equal([])
    await look(3)
    expect(lines).to.have.lengthOf(1)
    expect(lines[0]).to.include({ level: 'error', listener: 'l' })
    expect(lines[0]?.error).to.contain(made.key('used'))
    expect(terminator.serials).to.deep.equal([first])
    await rm(made.cert('used'))
    await look(3)
    expect(lines).to.have.lengthOf(2)
    expect(lines[1]?.error).to.contain('does not exist')
    await made.add('used', { names: ['used.test'] })
    await look(3)
    expect(lines).to.have.lengthOf(3)
    expect(lines[2]).to.include({ level: 'info', listener: 'l' })
    expect(terminator.serials).not.to.deep.equal([first])
    expect(lines[2]?.serials).to.deep.equal(terminator.serials)
  })
})
