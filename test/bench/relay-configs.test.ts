// The configurations that peers are measured with, as the peers themselves judge them.
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { descriptorLimit } from '../../src/bench/relay/proc.ts'
import { SUBJECT_IDS } from '../../src/bench/relay/subject.ts'
import { haproxyConfig } from '../../src/bench/relay/subjects/haproxy.ts'
import { allSubjects, presentSubjects } from '../../src/bench/relay/subjects/index.ts'
import { limpetConfig } from '../../src/bench/relay/subjects/limpet.ts'
import { nginxConfig } from '../../src/bench/relay/subjects/nginx.ts'
import { parseConfig } from '../../src/config/load.ts'
import { Directory } from '../helpers/directory.ts'
import { requirePeer } from '../helpers/peers.ts'
import { runProgram } from '../helpers/programs.ts'

const STREAM_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so'

describe('bench: configurations of the subjects of relay', () => {
  const rig = (directory: string, threads = 2) => ({
    backends: [7001, 7002, 7003],
    threads,
    directory,
    signal: new AbortController().signal,
  })

  it('has each subject once, in the order of its ids', () => {
    expect(allSubjects({}).map(({ id }) => id)).to.deep.equal(SUBJECT_IDS)
  })

  it('is one that HAProxy takes without a warning', async function () {
    const haproxy = requirePeer(this, 'haproxy')
    await using directory = await Directory.make()
    const file = directory.file('haproxy.cfg')
    await writeFile(file, haproxyConfig(7000, rig(directory.path), descriptorLimit()))
    await runProgram(haproxy, ['-c', '-dW', '-f', file])
  })

  it('is one that nginx takes', async function () {
    const nginx = requirePeer(this, 'nginx')
    await using directory = await Directory.make()
    const file = directory.file('nginx.conf')
    const module = existsSync(STREAM_MODULE) ? STREAM_MODULE : ''
    await writeFile(file, nginxConfig(7000, rig(directory.path), descriptorLimit(), module))
    await runProgram(nginx, ['-t', '-q', '-p', directory.path, '-e', 'stderr', '-c', file])
  })

  it('gives every subject the same backends and threads', () => {
    const { threads, backends } = rig('/d', 3)
    const haproxy = haproxyConfig(7000, rig('/d', 3), 20_000)
    const nginx = nginxConfig(7000, rig('/d', 3), 20_000, '')
    expect(haproxy).to.include(`nbthread ${threads}\n`)
    expect(nginx).to.include(`worker_processes ${threads};`)
    for (const port of backends) {
      for (const text of [haproxy, nginx, limpetConfig({ acceptor: 'net', relay: 'native' }, backends, 2)]) {
        expect(text).to.include(`127.0.0.1:${port}`)
      }
    }
  })

  for (const relay of ['native', 'stream'] as const) {
    it(`is one that Limpet takes, with the ${relay} relay`, () => {
      const { listeners, pools, threads } = parseConfig(limpetConfig({ acceptor: 'net', relay }, [7001, 7002], 2))
      expect(threads).to.equal(2)
      expect(listeners[0]).to.include({ acceptor: 'net', relay })
      expect(pools.get('p')?.backends).to.have.length(2)
    })
  }

  it('has room for 9,000 sessions where 20,000 descriptors may be open', () => {
    const [, connections = ''] = /maxconn (\d+)/.exec(haproxyConfig(7000, rig('/d'), 20_000)) ?? []
    const [, workers = ''] = /worker_connections (\d+)/.exec(nginxConfig(7000, rig('/d'), 20_000, '')) ?? []
    expect(Number(connections)).to.be.within(9100, 9900)
    expect(Number(workers)).to.be.within(18_200, 20_000)
  })

  it('says why a program does not take part', async () => {
    await using directory = await Directory.make()
    const reasonOf = async (id: 'haproxy' | 'nginx', program: string): Promise<unknown> =>
      await presentSubjects([id, 'direct'], { [id]: program }, directory.path, () => undefined).catch(
        (error: Error) => error.message,
      )
    expect(await reasonOf('haproxy', '/no/such/haproxy')).to.equal(
      'HAProxy cannot be measured: there is no program /no/such/haproxy',
    )
    expect(await reasonOf('nginx', process.execPath)).to.match(/^nginx cannot be measured: /)
    const { subjects, versions } = await presentSubjects(['direct'], {}, directory.path, () => undefined)
    expect(subjects.map(({ id }) => id)).to.deep.equal(['direct'])
    expect(Object.keys(versions)).to.deep.equal(['direct'])
  })
})
