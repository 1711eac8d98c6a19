import { writeFile } from 'node:fs/promises'
import type { Directory } from '../helpers/directory.ts'
import { RedisServer } from '../helpers/redis.ts'
import { until } from '../helpers/wait.ts'

const PRIMARY = 'main'
const DOWN_MS = '500'

/** A server, its replica, and three Sentinels that watch them and know each other. */
export class Sentinels implements AsyncDisposable {
  readonly primary: RedisServer
  readonly replica: RedisServer
  /** The Sentinels. */
  readonly all: readonly RedisServer[]

  private constructor(primary: RedisServer, replica: RedisServer, all: readonly RedisServer[]) {
    this.primary = primary
    this.replica = replica
    this.all = all
  }

  static async start(program: string, directory: Directory): Promise<Sentinels> {
    const servers: RedisServer[] = []
    try {
      const primary = await RedisServer.bare(program, [])
      servers.push(primary)
      const replica = await RedisServer.bare(program, ['--replicaof', '127.0.0.1', String(primary.port)])
      servers.push(replica)
      await until('the replica to be one', async () =>
        String(await replica.command('INFO', 'replication')).includes('master_link_status:up'),
      )
      for (const at of [0, 1, 2]) servers.push(await startSentinel(program, directory.file(`sentinel-${at}`), primary))
      const made = new Sentinels(primary, replica, servers.slice(2))
      await made.#knowAll()
      return made
    } catch (error) {
      await Promise.all(servers.map(server => server[Symbol.asyncDispose]()))
      throw error
    }
  }

  /** As `cluster.url` has it. */
  get url(): string {
    return `redis+sentinel://${this.all.map(({ address }) => address).join(',')}/${PRIMARY}`
  }

  /** Waits until the Sentinels call the replica the primary. */
  async failOver(): Promise<void> {
    await until(
      'another primary',
      async () => (await this.#asked(this.all[0])).get('port') === String(this.replica.port),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const servers = [this.primary, this.replica, ...this.all]
    await Promise.all(servers.map(server => server[Symbol.asyncDispose]()))
  }

  async #knowAll(): Promise<void> {
    for (const sentinel of this.all)
      await until('the Sentinels to know all', async () => {
        const facts = await this.#asked(sentinel)
        return facts.get('num-other-sentinels') === '2' && facts.get('num-slaves') === '1'
      })
  }

  async #asked(sentinel: RedisServer | undefined): Promise<Map<string, string>> {
    const answer = (await sentinel?.command('SENTINEL', 'master', PRIMARY)) as string[]
    return new Map(answer.flatMap((name, at) => (at % 2 === 0 ? [[name, answer[at + 1] ?? '']] : [])))
  }
}

async function startSentinel(program: string, file: string, { port }: RedisServer): Promise<RedisServer> {
  const settings = [
    `sentinel monitor ${PRIMARY} 127.0.0.1 ${port} 2`,
    `sentinel down-after-milliseconds ${PRIMARY} ${DOWN_MS}`,
    `sentinel failover-timeout ${PRIMARY} 2000`,
    '',
  ]
  await writeFile(file, settings.join('\n'))
  return await RedisServer.sentinel(program, file)
}
