import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { cleanUp } from '../cli/helpers.ts'
import { Directory } from '../helpers/directory.ts'
import { requirePeer } from '../helpers/peers.ts'
import { Program, runProgram } from '../helpers/programs.ts'
import { check, DEPLOY, settingsOf, textOf } from './samples.ts'

const PLACE = join(DEPLOY, 'keepalived')
const HOSTS = ['limpet-a.conf', 'limpet-b.conf'] as const

interface Settings {
  listeners: { name: string; bind: string }[]
  admin: Record<string, unknown>
}

const limpetText = textOf('keepalived/limpet.yaml')
const settings = settingsOf<Settings>(limpetText)

/** Lines of a configuration that say something. */
function linesOf(host: (typeof HOSTS)[number]): string[] {
  const lines = textOf(`keepalived/${host}`).split('\n')
  return lines.map(line => line.trim()).filter(line => line !== '' && !line.startsWith('#'))
}

function settingOf(lines: readonly string[], name: string): string {
  return lines.find(line => line.startsWith(`${name} `))?.slice(name.length + 1) ?? ''
}

describe('deploy/keepalived', () => {
  after(cleanUp)

  it('has configurations that keepalived takes', async function () {
    const keepalived = requirePeer(this, 'keepalived')
    await using directory = await Directory.make()
    for (const host of HOSTS) {
      const wanted = new Program(keepalived, ['--config-test', '--use-file', join(PLACE, host)])
      expect(await wanted.exited, wanted.output).to.deep.equal({ code: 0, signal: null })
      const broken = textOf(`keepalived/${host}`).replace('virtual_router_id', 'virtual_rooter_id')
      await writeFile(directory.file(host), broken)
      expect((await new Program(keepalived, ['-t', '-f', directory.file(host)]).exited).code).to.not.equal(0)
    }
  })

  it('has two hosts that differ in their own names and addresses, and in who is first', () => {
    const [first, second] = HOSTS.map(linesOf) as [string[], string[]]
    const differing = first.filter((line, index) => line !== second[index])
    const [own, peer] = [settingOf(first, 'unicast_src_ip'), settingOf(second, 'unicast_src_ip')]
    expect(second).to.have.length(first.length)
    expect(differing).to.deep.equal(['router_id limpet_a', 'priority 110', `unicast_src_ip ${own}`, peer])
    expect(second[first.indexOf(peer)]).to.equal(own)
    expect(Number(settingOf(second, 'priority'))).to.be.below(110)
  })

  it('has the address that Limpet binds, asks the socket on which Limpet answers, and closes sessions of its listener', () => {
    const lines = linesOf('limpet-a.conf')
    const [{ name, bind } = { name: '', bind: '' }] = settings.listeners
    const address = lines[lines.indexOf('virtual_ipaddress {') + 1] ?? ''
    expect(address.split('/')[0]).to.equal(bind.split(':')[0])
    // The default place of the admin API.
    expect(settings.admin).to.deep.equal({})
    expect(settingOf(lines, 'script')).to.include('--unix-socket /run/limpet/admin.sock http://localhost/readyz')
    expect(settingOf(lines, 'notify')).to.equal('/etc/keepalived/limpet-notify.sh')
    expect(textOf('keepalived/limpet-notify.sh')).to.include(`--listener ${name} `)
    expect(textOf('keepalived/60-limpet-address.conf')).to.include('net.ipv4.ip_nonlocal_bind = 1')
  })

  it('has a shell script without a fault', async function () {
    await runProgram(requirePeer(this, 'shellcheck'), [join(PLACE, 'limpet-notify.sh')])
  })

  it('has a configuration that Limpet takes', async () => {
    await using directory = await Directory.make()
    expect((await check(directory, limpetText)).warnings).to.deep.equal([])
  })
})
