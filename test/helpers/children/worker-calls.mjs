// A worker thread that calls into the addon without a pause, until it is terminated: most likely in the middle of a call.
// Plain JavaScript, and the addon without its loader, so that hundreds of them start in seconds.
import { createRequire } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'

/** @type {import('../../../src/native.ts').NativeAddon} */
const addon = createRequire(import.meta.url)(workerData.addon)
const SECRET = Buffer.alloc(192, 7)
const pool = new addon.Pool(0, 160, 1250, SECRET, SECRET, 32, 64, 1000, 60_000, 16)
const placement = new addon.Placement(0, 160, SECRET, SECRET, 32, 64, ['a', 'b'], Uint32Array.of(1, 2))
const table = new addon.StickTable(10, 60_000, SECRET, 32, 64)
const relay = addon.Relay === undefined ? undefined : new addon.Relay(1)
const poolId = relay?.addPool(pool, 100, 100, 100, 1, 0, 0, 0, 0) ?? 0
const listener = relay?.addListener(poolId, 0, false) ?? 0
const figures = new Float64Array(32)
const records = new Uint8Array(800)
const lines = Buffer.from('192.0.2.1\n192.0.2.2\n')

/**
 * The handle of a packed pick.
 * @param {number} packed
 */
const handleOf = packed => Math.floor(packed / 2 ** 20)

/** @param {number} n */
function callEverything(n) {
  const address = `192.0.${(n >> 8) & 255}.${n & 255}`
  pool.setBackend('a', 1 + (n % 9), 0, 0, '127.0.0.1', 9)
  pool.publish()
  const packed = pool.pick(address)
  pool.redispatch(handleOf(packed), true)
  pool.confirm(handleOf(packed))
  pool.release(handleOf(packed), n % 3)
  pool.explain(address)
  pool.homes(lines)
  pool.readBackends(figures)
  pool.gauges(figures)
  pool.removeBackend('b')
  // No descriptor: counted as a client without address.
  relay?.handOver(listener, -1, lines, true)
  relay?.sessions(-1)
  relay?.sessions(listener)
  relay?.drainRecords(records)
  relay?.cutSessions()
  placement.home(address)
  placement.order(address)
  table.set(address, n % 100)
  table.get(address)
  table.list(0, 10)
  table.delete(address)
  addon.keyText(address, 24, 64)
}

callEverything(0)
parentPort?.postMessage('ready')
for (let n = 1; ; n++) callEverything(n)
