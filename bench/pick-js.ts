// What a pick costs from JavaScript: balancer.pick(address) and decision.release(), on one thread. One JSON object.
//   node --import tsx pick-js.ts PINS BACKENDS SECONDS
import { Balancer } from '../src/index.ts'

const [pins = 10_000, backends = 100, seconds = 2] = process.argv.slice(2).map(Number)
const pool = {
  secret: 'a secret of the benchmark',
  stickTable: { size: pins, ttl: '30m' },
  backends: Array.from({ length: backends }, (_, i) => ({ name: `backend-${i}`, address: `127.0.0.1:${10_000 + i}` })),
}
const balancer = new Balancer({ pools: { p: pool } })
const addresses = Array.from({ length: pins }, (_, i) => `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`)
for (const address of addresses) balancer.pick(address).release()

const samples = []
const end = process.hrtime.bigint() + BigInt(seconds * 1e9)
let at = 0
while (process.hrtime.bigint() < end) {
  const begin = process.hrtime.bigint()
  for (let i = 0; i < 100_000; i++) {
    balancer.pick(addresses[at] as string).release()
    at = at + 1 === pins ? 0 : at + 1 // neighbours hash to far buckets, so the table is met at random all the same
  }
  samples.push(1e14 / Number(process.hrtime.bigint() - begin))
}
samples.sort((a, b) => a - b)
console.log(JSON.stringify({ pins, backends, perSecond: Math.round(samples[samples.length >> 1] as number) }))
await balancer.destroy()
