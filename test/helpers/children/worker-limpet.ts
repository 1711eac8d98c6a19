// A balancer in a worker thread; it lives until it is terminated.
import { parentPort, workerData } from 'node:worker_threads'
import { Balancer, type BalancerOptions } from '../../../src/index.ts'

const { options } = workerData as { options: BalancerOptions }
const balancer = new Balancer(options)
await balancer.listen()
parentPort?.postMessage(balancer.address())
