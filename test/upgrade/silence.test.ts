import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { expect } from 'chai'
import type { ResolvedConfig } from '../../src/config/resolved.ts'
import { Balancer, loadConfig } from '../../src/index.ts'
import { createLog } from '../../src/log/log.ts'
import { sendDescriptors } from '../../src/upgrade/descriptors.ts'
import { END, PROTOCOL } from '../../src/upgrade/messages.ts'
import { Takeover } from '../../src/upgrade/takeover.ts'
import { afterTest, cleanUp } from '../lifecycle/helpers.ts'
import { Site } from './helpers.ts'

const PATIENCE_MS = 100
const LOG = createLog('silent')
const OFFER = { limpet: 'takeover', protocol: PROTOCOL, version: '0', sockets: [], files: [] }

/** A running process that says nothing any more when it is asked this. */
async function silentAt(question: string): Promise<ResolvedConfig> {
  const site = await Site.make()
  const server = createServer(socket => {
    if (question !== '') sendDescriptors(socket, JSON.stringify(OFFER), [])
    answer(socket, question)
  })
  server.listen(`${site.admin}.takeover`)
  await once(server, 'listening')
  afterTest(() => server.close())
  return await loadConfig(site.file)
}

function answer(socket: Socket, question: string): void {
  afterTest(() => socket.destroy())
  createInterface({ input: socket }).on('line', line => {
    if (!line.includes(question)) socket.write(`${END}\n`)
  })
}

async function begin(config: ResolvedConfig): Promise<Takeover> {
  const takeover = await Takeover.begin(config, LOG, PATIENCE_MS)
  if (takeover === undefined) throw new Error('it was taken for dead')
  return takeover
}

describe('a running process that hangs', () => {
  afterEach(cleanUp)

  for (const [what, question] of [
    ['from the beginning', ''],
    ['when it is asked for changes', 'changes'],
    ['when it is asked for tables', 'tables'],
    ['when it is to leave', 'ready'],
    ['when it is told that it may', 'took'],
  ] as const) {
    it(`is given up, ${what}`, async () => {
      const config = await silentAt(question)
      const balancer = new Balancer(config)
      afterTest(() => balancer.destroy())
      const whole = async (): Promise<void> => {
        const takeover = await begin(config)
        await takeover.takeTables(balancer)
        await takeover.finish(balancer)
      }
      const error: unknown = await whole().catch(caught => caught)
      expect(error).to.be.an('error').with.property('code', 'LIMPET_ERR_TAKEOVER')
    })
  }
})
