import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Context } from 'mocha'
import { findPeer, requireFeature, requirePeer } from '../../helpers/peers.ts'

describe('tests that need a real server', () => {
  const { PATH, LIMPET_TEST_REQUIRE_PEERS } = process.env
  const log = console.log
  let directory: string
  let said: string[]

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'limpet-peers-'))
    process.env.PATH = directory
    delete process.env.LIMPET_TEST_REQUIRE_PEERS
    said = []
    console.log = (line: string) => said.push(line)
  })

  afterEach(() => {
    console.log = log
    process.env.PATH = PATH
    if (LIMPET_TEST_REQUIRE_PEERS !== undefined) process.env.LIMPET_TEST_REQUIRE_PEERS = LIMPET_TEST_REQUIRE_PEERS
    rmSync(directory, { recursive: true, force: true })
  })

  const skipped = new Error('skipped')
  const context = {
    skip: () => {
      throw skipped
    },
  } as unknown as Context

  const place = (name: string, mode: number) => {
    const file = join(directory, name)
    writeFileSync(file, '')
    chmodSync(file, mode)
    return file
  }

  it('find it in PATH', () => {
    const file = place('redis-server', 0o755)
    expect(findPeer('redis-server')).to.equal(file)
    expect(requirePeer(context, 'redis-server')).to.equal(file)
    expect(said).to.deep.equal([])
  })

  it('take no file that cannot be run', () => {
    place('redis-server', 0o644)
    expect(findPeer('redis-server')).to.equal(undefined)
  })

  it('say what is missing, and are skipped', () => {
    expect(() => requirePeer(context, 'redis-benchmark')).to.throw(skipped)
    expect(said).to.deep.equal([
      '      skipped: redis-benchmark is not installed (Debian: apt-get install redis-tools).',
    ])
  })

  it('fail where peers are required', () => {
    process.env.LIMPET_TEST_REQUIRE_PEERS = '1'
    expect(() => requirePeer(context, 'redis-server')).to.throw(
      /^redis-server is not installed .*LIMPET_TEST_REQUIRE_PEERS/,
    )
    expect(() => requireFeature(context, 'this kernel has no such thing')).to.throw(
      /^this kernel has no such thing, and/,
    )
    expect(said).to.deep.equal([])
  })
})
