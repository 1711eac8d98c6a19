import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect, type TLSSocket } from 'node:tls'
import { expect } from 'chai'
import { Directory } from '../helpers/directory.ts'
import { Pattern, patternSum, Tally } from '../helpers/hash.ts'
import { type OnPort, startOnFreePort } from '../helpers/on-free-port.ts'
import { requirePeer } from '../helpers/peers.ts'
import { Program, runProgram } from '../helpers/programs.ts'
import { forEachRelayOnce } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { TEST_MS, until, within } from '../helpers/wait.ts'

const MIB = 1024 * 1024
const CHUNK = 64 * 1024
const DOWN = 200 * MIB
const UP = 20 * MIB

describe('openssl s_server', function () {
  this.timeout(TEST_MS)
  let openssl: string
  let directory: Directory

  before(async function () {
    openssl = requirePeer(this, 'openssl')
    directory = await Directory.make()
    const [key, cert] = [directory.file('key.pem'), directory.file('cert.pem')]
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
    const name = ['-subj', '/CN=limpet.test', '-addext', 'subjectAltName=DNS:limpet.test']
    await runProgram(openssl, ['req', '-x509', ...kind, ...name, '-keyout', key, '-out', cert])
  })

  after(async () => {
    await directory?.[Symbol.asyncDispose]()
  })

  /** A server that sends its standard input and writes to its standard output what it gets. */
  const start = async (): Promise<OnPort> =>
    await startOnFreePort(port => {
      const files = ['-cert', directory.file('cert.pem'), '-key', directory.file('key.pem')]
      const args = ['s_server', '-quiet', '-naccept', '1', '-accept', `127.0.0.1:${port}`, ...files]
      return new Program(openssl, args, { stdio: ['pipe', 'pipe', 'pipe'], leaveOutput: true })
    }, listens)

  forEachRelayOnce('behind a balancer', pair => {
    it('sends 200 MiB and gets some back, byte for byte, under one certificate', async () => {
      const { program, port } = await start()
      await using _ = program
      await using rig = await Rig.open(pair, { backends: [{ name: 'tls', address: `127.0.0.1:${port}` }] })
      const ca = await readFile(directory.file('cert.pem'))
      const client = connect({ ...rig.dial, port: rig.dial.port ?? 0, ca, servername: 'limpet.test' })
      await within('the handshake', once(client, 'secureConnect'))
      expect(client.authorized).to.equal(true)
      const [atClient, atServer] = [new Tally(), new Tally()]
      client.on('data', (chunk: Buffer) => atClient.add(chunk))
      program.child.stdout?.on('data', (chunk: Buffer) => atServer.add(chunk))
      await Promise.all([pour('down', DOWN, program.child.stdin), pour('up', UP, client)])
      await until(
        'every byte',
        () => atClient.bytes >= DOWN && atServer.bytes >= UP,
        () => [atClient.bytes, atServer.bytes],
      )
      expect(atClient.sum).to.equal(patternSum('down', DOWN))
      expect(atServer.sum).to.equal(patternSum('up', UP))
      client.destroy()
      await program.stop()
      await rig.settle()
      expect(rig.counters.bytesToClient).to.be.greaterThan(DOWN)
    })
  })
})

/** Writes a pattern, at most as fast as it is taken. */
async function pour(seed: string, bytes: number, to: NodeJS.WritableStream | TLSSocket | null): Promise<void> {
  if (to === null) throw new Error('nowhere to write to')
  const pattern = new Pattern(seed)
  for (let left = bytes; left > 0; left -= CHUNK) {
    if (!to.write(pattern.next(Math.min(CHUNK, left)))) await within(`${left} bytes to be taken`, once(to, 'drain'))
  }
}

/** Waits until it listens; it says nothing, and a connection to find out would be its only one. */
async function listens(program: Program, port: number): Promise<void> {
  const hex = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`
  await program.does('to listen', async () =>
    (await readFile('/proc/net/tcp', 'utf8')).split('\n').some(line => line.includes(`: ${hex} 00000000:0000 0A`)),
  )
}
