import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import type { BackendOptions, BalancerOptions } from '../../src/index.ts'
import { Directory } from '../helpers/directory.ts'
import { LimpetRun } from '../helpers/limpet-run.ts'
import { Conn } from '../helpers/net.ts'
import { forEachRelay } from '../helpers/relays.ts'
import { named, startBackends } from '../helpers/servers.ts'

const LIBRARY = ['x86_64', 'aarch64']
  .map(machine => `/usr/lib/${machine}-linux-gnu/faketime/libfaketimeMT.so.1`)
  .find(path => existsSync(path))
const HOUR_MS = 3_600_000
const CLIENTS = Array.from({ length: 60 }, (_, n) => `127.4.0.${n + 1}`)

// Row 29 of the fault matrix: the clock on the wall jumps, the monotonic one goes on.
forEachRelay('a clock that jumps', pair => {
  before(function () {
    // Of the package faketime.
    if (LIBRARY === undefined) this.skip()
  })

  it('ends no session and no pin', async () => {
    await using directory = await Directory.make()
    await using backends = await startBackends(['a', 'b', 'c'], named)
    const [a, b, c] = backends.all.map(({ name, address }) => ({ name, address })) as [
      BackendOptions,
      BackendOptions,
      BackendOptions,
    ]
    const config = (...backends: BackendOptions[]): BalancerOptions => ({
      listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: 'p', ...pair.listener }],
      pools: {
        p: {
          boundedLoad: 'off',
          timeouts: { idle: '10m' },
          stickTable: { size: 1000, ttl: '10m', file: directory.file('table') },
          backends,
        },
      },
    })
    const [file, clock] = [directory.file('limpet.yaml'), directory.file('clock')]
    const setClock = (hours: string): Promise<void> => writeFile(clock, `${hours}h\n`)
    await setClock('+0')
    await LimpetRun.write(file, config(a, b))
    await using run = await LimpetRun.start(file, [], {
      LD_PRELOAD: LIBRARY,
      FAKETIME_TIMESTAMP_FILE: clock,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    })
    const dial = run.dial('l')
    const visit = async (localAddress: string): Promise<string> => {
      const client = await Conn.open({ ...dial, localAddress })
      const name = await client.line()
      client.destroy()
      return name
    }
    const visitAll = (): Promise<string[]> => Promise.all(CLIENTS.map(visit))
    const before = await visitAll()
    const resident = await Conn.open(dial)
    await resident.line()
    for (const [hours, weight] of [
      ['+1', 2],
      ['-1', 3],
    ] as const) {
      await setClock(hours)
      // Without their pins a half of them and more would be at home there.
      expect(await run.reload(file, config(a, b, { ...c, weight }))).to.equal('reloaded')
      const jumpMs = Date.parse(run.lastLogged('reloaded').time as string) - Date.now()
      expect(jumpMs / HOUR_MS).to.be.closeTo(Number(hours), 0.5)
      expect(await visitAll()).to.deep.equal(before)
      expect(await resident.echo('still here')).to.equal('still here')
    }
    resident.destroy()
  })
})
