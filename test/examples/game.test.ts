import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { Conn } from '../helpers/net.ts'
import { Program, runProgram } from '../helpers/programs.ts'
import { TEST_MS } from '../helpers/wait.ts'
import { endAll, Front } from './front.ts'

const DIRECTORY = fileURLToPath(new URL('../../examples/game/', import.meta.url))
const NAMES = ['a', 'b', 'c']
const ADDRESS = /listens on 127\.0\.0\.1:(\d+)/

describe('examples/game', function () {
  this.timeout(TEST_MS)
  const programs = new Map<string, Program>()
  let front: Front

  before(async () => {
    const servers: { name: string; port: number }[] = []
    for (const name of NAMES) {
      const program = new Program(process.execPath, ['server.js', name], { cwd: DIRECTORY })
      programs.set(name, program)
      await program.says(ADDRESS)
      servers.push({ name, port: Number(ADDRESS.exec(program.output)?.[1]) })
    }
    front = await Front.start('game', servers)
  })
  after(async () => {
    await endAll([...programs.values()])
    await front[Symbol.asyncDispose]()
  })

  const play = async (player: string, from = '127.0.0.1'): Promise<string> =>
    String(
      await runProgram(process.execPath, ['play.js', String(front.dial.port), player, from], { cwd: DIRECTORY }),
    ).trim()

  it('brings players back to their worlds, wherever they play from, and elsewhere when a server is gone', async () => {
    const [, server = ''] = /^welcome to (\w), ann: visit 1$/.exec(await play('ann')) ?? []
    expect(NAMES).to.include(server)
    expect(await play('ann', '127.0.0.9')).to.equal(`welcome to ${server}, ann: visit 2`)
    const others = await Promise.all(['bob', 'eve', 'mallory', 'trent', 'dave', 'oscar'].map(player => play(player)))
    expect(others.some(answer => !answer.startsWith(`welcome to ${server},`))).to.equal(true)
    await programs.get(server)?.stop('SIGKILL')
    const elsewhere = await play('ann')
    expect(elsewhere).to.match(/^welcome to \w, ann: visit 1$/)
    expect(elsewhere).not.to.match(new RegExp(`^welcome to ${server},`))
  })

  it('reads an id that comes byte by byte, and refuses whoever has none', async () => {
    const client = await Conn.open(front.dial)
    for (const byte of Buffer.from('\0\x03\x01zoe', 'latin1')) await client.send(Buffer.from([byte]))
    expect(String((await client.read(3 + 26)).subarray(3))).to.match(/^welcome to \w, zoe: visit 1/)
    client.destroy()
    const stranger = await Conn.open(front.dial)
    await stranger.send('GET / HTTP/1.1\r\n\r\n')
    expect((await stranger.read(1)).length).to.equal(0)
    stranger.destroy()
  })
})
