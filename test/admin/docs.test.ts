import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { EVENTS } from '../../src/admin/event-feed.ts'
import { ROUTES } from '../../src/admin/routes/index.ts'
import { Balancer } from '../../src/balancer.ts'
import { parseConfig } from '../../src/config/load.ts'
import { afterTest, cleanUp } from '../lifecycle/helpers.ts'
import { AdminClient, EventReader, socketPath } from './helpers.ts'

const text = readFileSync(new URL('../../docs/admin-api.md', import.meta.url), 'utf8')
const CONFIG = `
listeners: [{ name: redis, bind: "127.0.0.1:0", pool: redis }]
pools: { redis: { secret: a secret of tests, backends: [{ name: a, address: "127.0.0.1:6379" }] } }
log: { level: silent }
admin: { listen: "unix:PATH" }
`

interface Example {
  method: string
  path: string
  headers: Record<string, string>
  raw: string | undefined
}

/** The commands for the unix socket, as what curl makes of them. */
function examples(): Example[] {
  const blocks = [...text.matchAll(/```sh\n(.*?)```/gs)].map(([, block = '']) => block.replaceAll('\\\n', ' '))
  const commands = blocks.flatMap(block => block.trim().split('\n')).filter(line => line.includes('--unix-socket'))
  return commands.map(command => {
    const words = [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c ?? '')
    const after = (option: string): string | undefined =>
      words.includes(option) ? words[words.indexOf(option) + 1] : undefined
    expect(after('--unix-socket'), command).to.equal('/run/limpet/admin.sock')
    const { pathname, search } = new URL(words.at(-1) ?? '')
    const [name = '', value = ''] = after('-H')?.split(': ') ?? []
    const raw = after('-d')
    return {
      method: after('-X') ?? (raw === undefined ? 'GET' : 'POST'),
      path: `${pathname}${search}`,
      headers: name === '' ? {} : { [name]: value },
      raw,
    }
  })
}

/** The route that a request is of. */
function routeOf({ method, path }: Example): string {
  const [pathname = ''] = path.split('?')
  const route = ROUTES.find(
    known =>
      known.method.toUpperCase() === method && new RegExp(`^${known.path.replace(/:\w+/g, '[^/]+')}$`).test(pathname),
  )
  return `${method} ${route?.path}`
}

describe('docs/admin-api.md', () => {
  afterEach(cleanUp)
  const routes = ROUTES.map(({ method, path }) => `${method.toUpperCase()} ${path}`)

  it('has a row for every route, and none for another', () => {
    const rows = [...text.matchAll(/^\| `([A-Z]+ \/[^`]*)` \|/gm)].map(([, route]) => route)
    expect(rows).to.have.members(routes)
  })

  it('has an example of every route, and names every event', () => {
    expect(examples().map(routeOf)).to.have.members(routes)
    for (const event of ['hello', ...EVENTS]) expect(text).to.include(`\`${event}\``)
  })

  it('has examples that work, one after the other', async () => {
    const path = await socketPath()
    const config = CONFIG.replace('PATH', path)
    const balancer = new Balancer(parseConfig(config))
    afterTest(() => balancer.destroy())
    await balancer.listen({ reload: () => balancer.reload(parseConfig(config)) })
    const client = new AdminClient({ socketPath: path })
    for (const example of examples()) {
      const { method, path, headers, raw } = example
      if (path.startsWith('/v1/events') || path.startsWith('/v1/log'))
        expect((await (await EventReader.open(client, path)).next()).event).to.equal('hello')
      else {
        const { keyDigest } = balancer.pool().table
        const { status, text } = await client.ask(method, path, {
          headers,
          ...(raw === undefined ? {} : { raw: raw.replace('KEYDIGEST', keyDigest) }),
        })
        // There is no session to close here, and nobody else.
        if (path.startsWith('/v1/sessions/')) expect(status, text).to.equal(404)
        else if (path.includes('/roster')) expect(status, text).to.equal(501)
        else expect(status, `${method} ${path}: ${text}`).to.be.within(200, 299)
      }
    }
  })
})
