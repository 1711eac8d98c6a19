import { expect } from 'chai'
import { rdpRequest } from '../../src/bench/keys/heads.ts'
import { Conn, clientAddress } from '../helpers/net.ts'
import { startBackends } from '../helpers/servers.ts'
import { TEST_MS } from '../helpers/wait.ts'
import { Front } from './front.ts'

const USERS = ['ann', 'bob', 'cleo', 'dan', 'eve', 'fay', 'gus', 'hal']

describe('examples/rdp', function () {
  this.timeout(TEST_MS)

  it('brings every user back to his host, from whatever desk', async () => {
    // As far as Limpet is concerned a host is whoever takes the first request.
    await using hosts = await startBackends(['a', 'b', 'c'])
    await using front = await Front.start('rdp', hosts.all)
    const hostOf = async (first: Buffer, desk: number): Promise<string> => {
      const conn = await Conn.open({ ...front.dial, localAddress: clientAddress(desk) })
      await conn.send(first)
      const name = await conn.line()
      conn.destroy()
      return name
    }
    const found = async (desk: number): Promise<string[]> => {
      const names: string[] = []
      for (const [at, user] of USERS.entries())
        names.push(await hostOf(rdpRequest(`Cookie: mstshash=${user}`), desk + at))
      return names
    }
    const first = await found(0)
    expect(new Set(first).size).to.be.greaterThan(1)
    expect(await found(100)).to.deep.equal(first)
    // Without the cookie the desk is who comes back.
    const desk = await hostOf(rdpRequest(''), 500)
    expect(await hostOf(rdpRequest(''), 500)).to.equal(desk)
  })
})
