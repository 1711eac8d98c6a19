import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import type { HealthOptions } from '../../../src/config/options.ts'
import { resolveOptions } from '../../../src/config/resolve.ts'
import { type Check, CheckFailure } from '../../../src/health/check.ts'
import { Checker } from '../../../src/health/checker.ts'
import { Gate } from '../../../src/health/gate.ts'
import { until } from '../../helpers/wait.ts'
import { HERMETIC } from '../config/helpers.ts'

const TARGET = {
  endpoint: { kind: 'ip', host: '127.0.0.1', port: 1, family: 4, needsLookup: false },
  hostName: undefined,
  outgoing: { sendProxy: undefined, sources: [] },
} as const

/** A checker of a server that is whatever `check` says, and what it told. */
function checking(check: Check, health: HealthOptions, gate = new Gate(1)): { checker: Checker; told: string[] } {
  const options = { pools: { p: { health: { interval: '1h', fastInterval: '10ms', ...health } } } } as const
  const settings = resolveOptions(options, HERMETIC).pools.get('p')?.health ?? expect.fail('there are no checks')
  const told: string[] = []
  const context = { settings, check: { check, longestMs: settings.timeout }, gate }
  const checker = new Checker(TARGET, context, (isUp, reason) => told.push(`${isUp ? 'up' : 'down'}: ${reason}`))
  return { checker, told }
}

/** Checks that go as the letters say: + well, - not, ! not to be asked; the last one for ever. */
function going(script: string): { check: Check; asked: () => number } {
  let asked = 0
  const check: Check = async () => {
    const letter = script.charAt(Math.min(asked++, script.length - 1))
    if (letter === '!') throw CheckFailure.of(Object.assign(new Error('failed'), { code: 'EMFILE' }))
    if (letter === '-') throw new CheckFailure('ill')
  }
  return { check, asked: () => asked }
}

describe('health: a checker', () => {
  it('tells what changes, and asks sooner while results speak against what is held', async () => {
    const { check, asked } = going('+')
    const settled = checking(check, {})
    await settled.checker.first
    expect(settled.told).to.deep.equal(['up: the check went well'])
    await sleep(50)
    expect(asked(), 'in an hour').to.equal(1)
    settled.checker.stop()

    const falling = going('----')
    const one = checking(falling.check, { initial: 'up', fall: 3 })
    await until('the third bad one', () => one.told.length === 1)
    expect([one.told, falling.asked()]).to.deep.equal([['down: ill'], 3])
    one.checker.stop()
  })

  it('does not count what this host could not ask, and asks again soon', async () => {
    const { check, asked } = going('!!!+')
    const { checker, told } = checking(check, {})
    await until('an answer', () => told.length > 0)
    expect([told, asked()]).to.deep.equal([['up: the check went well'], 4])
    checker.stop()
  })

  it('gives up a check that does not end, and its place at the gate', async () => {
    const gate = new Gate(1)
    const stuck = checking(() => new Promise(() => undefined), { timeout: '10ms' }, gate)
    const next = checking(going('+').check, {}, gate)
    await until('the one behind it', () => next.told.length === 1)
    expect(stuck.told).to.deep.equal(['down: no answer in time'])
    for (const { checker } of [stuck, next]) checker.stop()
  })

  it('tells nothing after it was stopped', async () => {
    const answer: { give?: () => void } = {}
    const { checker, told } = checking(() => new Promise(resolve => Object.assign(answer, { give: resolve })), {})
    checker.stop()
    answer.give?.()
    await checker.first
    expect(told).to.deep.equal([])
  })
})
