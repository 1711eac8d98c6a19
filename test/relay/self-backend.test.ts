import { expect } from 'chai'
import { Balancer, LimpetConfigError, LimpetError } from '../../src/index.ts'
import { freePort } from '../helpers/net.ts'
import { forEachRelay } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { Backend, named } from '../helpers/servers.ts'

// Row 26 of the fault matrix, what can be seen before a client comes; self-connects are in test/faults.
forEachRelay('a backend that is its own listener', pair => {
  it('is refused with the configuration', async () => {
    const port = await freePort()
    for (const [bind, address] of [
      [`127.0.0.1:${port}`, `127.0.0.1:${port}`],
      [`:${port}`, `127.9.9.9:${port}`],
      [`0.0.0.0:${port}`, `127.0.0.1:${port}`],
      [`127.0.0.1:${port}`, `[::ffff:127.0.0.1]:${port}`],
      ['unix:/tmp/limpet-self', 'unix:/tmp/limpet-self'],
    ] as const) {
      const listeners = [{ name: 'l', bind, pool: 'p', ...pair.listener }]
      const pools = { p: { backends: [{ name: 'self', address }] } }
      const problems = problemsOf(() => new Balancer({ listeners, pools }))
      expect(problems, `${bind} ${address}`).to.deep.equal(['LIMPET_ERR_SELF_BACKEND'])
    }
  })

  it('is refused when it is added while the listener is open', async () => {
    await using backend = await Backend.start({ serve: named })
    await using rig = await Rig.open(pair, { backends: [backend] })
    const pool = rig.balancer.pool()
    const { port } = rig.dial
    const add = (): void => pool.add({ name: 'self', address: `127.0.0.1:${port}` })
    expect(codeOf(add)).to.equal('LIMPET_ERR_SELF_BACKEND')
    const move = (): void => pool.update('a', { address: `127.0.0.1:${port}` })
    expect(codeOf(move)).to.equal('LIMPET_ERR_SELF_BACKEND')
    const client = await rig.connect()
    expect(await client.line()).to.equal('a')
    client.finish()
    await client.over()
    await rig.settle()
  })

  it('is refused when two listeners lead to each other', async () => {
    const [one, two] = [await freePort(), await freePort()]
    const listeners = [
      { name: 'one', bind: `127.0.0.1:${one}`, pool: 'p', ...pair.listener },
      { name: 'two', bind: `127.0.0.1:${two}`, pool: 'q', ...pair.listener },
    ]
    const pools = {
      p: { backends: [{ name: 'x', address: `127.0.0.1:${two}` }] },
      q: { backends: [{ name: 'y', address: `127.0.0.1:${one}` }] },
    }
    const problems = problemsOf(() => new Balancer({ listeners, pools }))
    expect(problems).to.deep.equal(['LIMPET_ERR_SELF_BACKEND', 'LIMPET_ERR_SELF_BACKEND'])
  })
})

function codeOf(action: () => void): string | undefined {
  try {
    action()
  } catch (error) {
    if (error instanceof LimpetError) return error.code
    throw error
  }
  return undefined
}

function problemsOf(action: () => void): string[] {
  try {
    action()
  } catch (error) {
    if (error instanceof LimpetConfigError) return error.problems.map(({ code }) => code)
    throw error
  }
  return []
}
