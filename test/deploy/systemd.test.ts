import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { Directory } from '../helpers/directory.ts'
import { requirePeer } from '../helpers/peers.ts'
import { Program } from '../helpers/programs.ts'
import { DEPLOY, textOf } from './samples.ts'

/** Worst exposure that `systemd-analyze security` may find, in tenths of its points: 19 of 100 when this was written. */
const MOST_EXPOSURE = 20

describe('deploy/systemd', () => {
  let analyze: string
  before(function () {
    analyze = requirePeer(this, 'systemd-analyze')
  })

  async function analyzed(args: readonly string[]): Promise<{ code: number | null; output: string }> {
    const program = new Program(analyze, args)
    const { code } = await program.exited
    return { code, output: program.output }
  }

  /** Both units, with a program that is there in place of the one that the reader writes. */
  async function units(directory: Directory, change = (service: string): string => service): Promise<string[]> {
    const service = textOf('systemd/limpet.service')
    const [, installed = ''] = /^ExecStart=(\S+)/m.exec(service) ?? []
    expect(installed).to.equal('/usr/local/bin/limpet')
    await writeFile(directory.file('limpet.service'), change(service.replace(installed, process.execPath)))
    await copyFile(join(DEPLOY, 'systemd/limpet.socket'), directory.file('limpet.socket'))
    return [directory.file('limpet.service'), directory.file('limpet.socket')]
  }

  it('has units that systemd takes', async () => {
    await using directory = await Directory.make()
    const verified = await analyzed(['verify', '--man=no', ...(await units(directory))])
    expect(verified).to.deep.equal({ code: 0, output: '' })
  })

  it('would be told of a setting that there is not, and of one that cannot be', async () => {
    await using directory = await Directory.make()
    const wrong = (service: string): string =>
      service.replace('[Service]', '[Service]\nProtectHouse=yes').replace('Type=notify', 'Type=notfy')
    const { output } = await analyzed(['verify', '--man=no', ...(await units(directory, wrong))])
    expect(output).to.include('ProtectHouse').and.include('notfy')
  })

  it('exposes little of the host', async () => {
    await using directory = await Directory.make()
    const options = ['security', '--offline=true', `--threshold=${MOST_EXPOSURE}`]
    const [service = ''] = await units(directory)
    const kept = await analyzed([...options, service])
    expect(kept.code, kept.output).to.equal(0)
    const [wide = ''] = await units(directory, text => text.replace(/^(Protect|Restrict|SystemCall)\w+=.*\n/gm, ''))
    expect((await analyzed([...options, wide])).code).to.not.equal(0)
  })

  it('tells when it is ready, and belongs to a listener', () => {
    expect(textOf('systemd/limpet.service')).to.match(/^Type=notify$/m)
    expect(textOf('systemd/limpet.socket')).to.match(/^FileDescriptorName=/m)
  })
})
