import type { Subject } from '../subject.ts'

/** No balancer at all: what clients and backends cost, and whether they could do more than a balancer lets through. */
export const direct: Subject = {
  id: 'direct',
  name: 'direct',
  hasProcess: false,
  probe: async () => ({ version: 'no balancer' }),
  start: async ({ backends }) => ({ ports: backends, pids: [], [Symbol.asyncDispose]: async () => undefined }),
}
