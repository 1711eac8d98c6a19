/**
 * Preloaded into a Limpet that is to be killed in the middle of a takeover, where LIMPET_TEST_DIE_AT says:
 *
 *   before:Class.method, after:Class.method   when that is called, or has resolved; `#2` behind it: the second time
 *   reads:TEXT                                when it has read a line that begins so
 */
import { Balancer } from '../../../src/balancer.ts'
import { HandOver } from '../../../src/upgrade/hand-over.ts'
import { LineReader } from '../../../src/upgrade/line-reader.ts'
import { Takeover } from '../../../src/upgrade/takeover.ts'

type Method = (this: unknown, ...args: unknown[]) => unknown

const CLASSES: Record<string, { prototype: object }> = { Balancer, HandOver, Takeover }

const point = process.env.LIMPET_TEST_DIE_AT ?? ''
const [, how, what = ''] = /^(before|after|reads):(.*)$/.exec(point) ?? []
if (how === 'reads') dieAtLine(what)
else dieAtCall(how === 'after', what)

function die(): void {
  process.kill(process.pid, 'SIGKILL')
}

function dieAtLine(beginning: string): void {
  const { next } = LineReader.prototype
  LineReader.prototype.next = async function (): Promise<string | undefined> {
    const line = await next.call(this)
    if (line?.startsWith(beginning) === true) die()
    return line
  }
}

function dieAtCall(isAfter: boolean, call: string): void {
  const [, name = '', method = '', time = '1'] = /^(\w+)\.(\w+)(?:#(\d+))?$/.exec(call) ?? []
  const prototype = CLASSES[name]?.prototype as Record<string, Method> | undefined
  const original = prototype?.[method]
  if (prototype === undefined || original === undefined) throw new Error(`there is no ${call}`)
  let calls = 0
  prototype[method] = function (...args): unknown {
    calls++
    if (calls !== Number(time)) return original.apply(this, args)
    if (!isAfter) die()
    return Promise.resolve(original.apply(this, args)).then(die)
  }
}
