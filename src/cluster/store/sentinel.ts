import { askOnce, openNode, type StoreAccess } from './redis.ts'
import type { StoreAddress, StoreNode } from './store-address.ts'

/**
 * Asks Sentinels where the primary is, all of them at once, and believes most of those that answer: one that was cut off
 * may still name the primary of before.
 *
 * @throws where nobody knows it
 */
export async function askPrimary(
  { nodes, primary = '', sentinelUsername, sentinelPassword }: StoreAddress,
  access: StoreAccess,
  signal: AbortSignal,
): Promise<StoreNode> {
  const login = { username: sentinelUsername, password: sentinelPassword, database: 0 }
  const quiet = { ...access, ...login, lost: () => undefined }
  const answers = await Promise.allSettled(nodes.map(node => askOne(node, primary, quiet, signal)))
  const votes = new Map<string, { node: StoreNode; count: number }>()
  for (const answer of answers) {
    if (answer.status === 'rejected') continue
    const { host, port } = answer.value
    const vote = votes.get(`${host}/${port}`) ?? { node: answer.value, count: 0 }
    votes.set(`${host}/${port}`, { ...vote, count: vote.count + 1 })
  }
  const [best] = [...votes.values()].sort((left, right) => right.count - left.count)
  if (best !== undefined) return best.node
  const failure = answers.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined
  throw new Error(`no Sentinel knows the primary ${primary}: ${(failure?.reason as Error | undefined)?.message ?? ''}`)
}

async function askOne(node: StoreNode, primary: string, access: StoreAccess, signal: AbortSignal): Promise<StoreNode> {
  const sentinel = await openNode(node, access, signal)
  try {
    const question = ['SENTINEL', 'get-master-addr-by-name', primary]
    const answer = await askOnce(sentinel, question, access.connectMs, signal)
    if (!Array.isArray(answer) || answer.length < 2) throw new Error(`${node.host}:${node.port} does not know it`)
    return { host: String(answer[0]), port: Number(answer[1]) }
  } finally {
    sentinel.destroy()
  }
}
