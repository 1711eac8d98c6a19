import { expect } from 'chai'
import { Directory } from '../helpers/directory.ts'
import { MosquittoServer } from '../helpers/mosquitto.ts'
import { clientAddress } from '../helpers/net.ts'
import { requirePeer } from '../helpers/peers.ts'
import { runProgram } from '../helpers/programs.ts'
import { TEST_MS } from '../helpers/wait.ts'
import { endAll, Front } from './front.ts'

const DEVICES = ['meter-1', 'meter-2', 'meter-3', 'meter-4', 'meter-5', 'meter-6']

describe('examples/mqtt', function () {
  this.timeout(TEST_MS)

  it('brings every device back to the broker that has kept its messages', async function () {
    const broker = requirePeer(this, 'mosquitto')
    const [publish, subscribe] = [requirePeer(this, 'mosquitto_pub'), requirePeer(this, 'mosquitto_sub')]
    await using directory = await Directory.make()
    const brokers: MosquittoServer[] = []
    await using _ = { [Symbol.asyncDispose]: () => endAll(brokers) }
    for (const name of ['a', 'b', 'c']) brokers.push(await MosquittoServer.start(broker, name, directory))
    await using front = await Front.start('mqtt', brokers)
    const at = (port: number): string[] => ['-h', '127.0.0.1', '-p', String(port), '-q', '1']
    /** A session that lasts (no clean start), from another address each time. */
    const device = (id: string, from: number): string[] => [
      ...at(front.dial.port),
      ...['-A', clientAddress(from), '-i', id, '-c', '-t', `to/${id}`],
    ]
    for (const [n, id] of DEVICES.entries()) await runProgram(subscribe, [...device(id, n), '-E'])
    // While they are away. Only the broker that has a device's session keeps its message.
    for (const { name, port } of brokers) {
      for (const id of DEVICES) await runProgram(publish, [...at(port), '-t', `to/${id}`, '-m', name])
    }
    const kept: string[] = []
    for (const [n, id] of DEVICES.entries()) {
      const said = await runProgram(subscribe, [...device(id, 100 + n), '-C', '1', '-W', '30'])
      kept.push(said.toString().trim())
    }
    expect(kept.every(name => ['a', 'b', 'c'].includes(name))).to.equal(true)
    expect(new Set(kept).size).to.be.greaterThan(1)
  })
})
