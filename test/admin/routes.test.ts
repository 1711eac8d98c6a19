import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { expect } from 'chai'
import { ROUTES } from '../../src/admin/routes/index.ts'
import type { Balancer } from '../../src/balancer.ts'
import type { DescribedBackend } from '../../src/config/describe.ts'
import { resolveOptions } from '../../src/config/resolve.ts'
import { VERSION } from '../../src/package-info.ts'
import { cleanUp } from '../lifecycle/helpers.ts'
import { type AdminClient, type Answer, type Asked, BACKENDS, openAdmin } from './helpers.ts'

interface Operation {
  operationId: string
  parameters?: { name: string; in: string }[]
  requestBody?: object
  responses: Record<string, { content?: Record<string, { schema: object }> }>
}

interface Document {
  openapi: string
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, object> }
}

/** A request, the route that it is of, and the status of its answer. */
type Case = [method: string, path: string, target: string, status: number, asked?: Asked]

const P = '/v1/pools/p'
const ADDRESS = '127.0.0.1:11'
const body = (value: unknown): Asked => ({ body: value })

/** Every route, and what it refuses; in this order, since they change what the next ones meet. */
const CASES: readonly Case[] = [
  ['get', '/livez', '/livez', 200],
  ['get', '/readyz', '/readyz', 200],
  ['get', '/openapi.json', '/openapi.json', 200],
  ['get', '/v1/status', '/v1/status', 200],
  ['get', '/v1/status', '/v1/status?full=1', 400],
  ['get', '/v1/config', '/v1/config', 200],
  ['get', '/v1/pools', '/v1/pools', 200],
  ['get', '/v1/pools/{pool}', P, 200],
  ['get', '/v1/pools/{pool}', '/v1/pools/q', 404],
  ['get', '/v1/pools/{pool}', '/v1/pools/__proto__', 404],
  ['get', '/v1/pools/{pool}/backends', `${P}/backends`, 200],
  ['post', '/v1/pools/{pool}/backends', `${P}/backends`, 201, body({ name: 'c/1', address: ADDRESS, weight: 3 })],
  ['post', '/v1/pools/{pool}/backends', `${P}/backends`, 409, body({ name: 'c/1', address: ADDRESS })],
  ['post', '/v1/pools/{pool}/backends', `${P}/backends`, 400, body({ name: 'd', address: ADDRESS, wieght: 3 })],
  ['post', '/v1/pools/{pool}/backends', `${P}/backends`, 400, body({ name: 'd', address: 'example.test:1' })],
  ['post', '/v1/pools/{pool}/backends', `${P}/backends`, 400, body([])],
  ['post', '/v1/pools/{pool}/backends', '/v1/pools/q/backends', 404, body({ name: 'd', address: ADDRESS })],
  ['get', '/v1/pools/{pool}/backends/{backend}', `${P}/backends/c%2F1`, 200],
  ['get', '/v1/pools/{pool}/backends/{backend}', `${P}/backends/d`, 404],
  ['patch', '/v1/pools/{pool}/backends/{backend}', `${P}/backends/c%2F1`, 200, body({ state: 'drain', weight: 0 })],
  ['patch', '/v1/pools/{pool}/backends/{backend}', `${P}/backends/c%2F1`, 400, body({ state: 'gone' })],
  ['patch', '/v1/pools/{pool}/backends/{backend}', `${P}/backends/c%2F1`, 400, body({ name: 'x' })],
  [
    'patch',
    '/v1/pools/{pool}/backends/{backend}',
    `${P}/backends/c%2F1`,
    200,
    body({ health: { type: 'http', port: 9 } }),
  ],
  ['patch', '/v1/pools/{pool}/backends/{backend}', `${P}/backends/c%2F1`, 400, body({ health: { path: '/' } })],
  ['patch', '/v1/pools/{pool}/backends/{backend}', `${P}/backends/d`, 404, body({ weight: 1 })],
  ['delete', '/v1/pools/{pool}/backends/{backend}', `${P}/backends/c%2F1`, 204],
  ['delete', '/v1/pools/{pool}/backends/{backend}', `${P}/backends/c%2F1`, 404],
  ['get', '/v1/pools/{pool}/explain', `${P}/explain?address=192.0.2.7`, 200],
  ['get', '/v1/pools/{pool}/explain', `${P}/explain?address=here`, 400],
  ['get', '/v1/pools/{pool}/explain', `${P}/explain?key=ann`, 200],
  ['get', '/v1/pools/{pool}/explain', `${P}/explain?key=ann&address=192.0.2.7`, 400],
  ['get', '/v1/pools/{pool}/explain', `${P}/explain?key=`, 400],
  ['get', '/v1/pools/{pool}/explain', `${P}/explain`, 400],
  ['get', '/v1/pools/{pool}/explain', `${P}/explain?address=192.0.2.7&address=192.0.2.8`, 400],
  ['get', '/metrics', '/metrics', 200],
  ['get', '/v1/pools/{pool}/roster/changes', `${P}/roster/changes`, 501],
  ['get', '/v1/pools/{pool}/roster/changes', `${P}/roster/changes?limit=0`, 400],
  ['delete', '/v1/pools/{pool}/roster', `${P}/roster`, 501],
  ['patch', '/v1/pools/{pool}/backends/{backend}', `${P}/backends/a?local=true`, 200, body({ weight: 1 })],
  ['patch', '/v1/pools/{pool}/backends/{backend}', `${P}/backends/a?local=here`, 400, body({ weight: 1 })],
  [
    'patch',
    '/v1/pools/{pool}/backends/{backend}',
    `${P}/backends/a`,
    412,
    { ...body({ weight: 1 }), headers: { 'if-match': '"1"' } },
  ],
  ['post', '/v1/pools/{pool}/plan', `${P}/plan`, 200, body({ remove: ['a'], add: [{ name: 'z', address: ADDRESS }] })],
  ['post', '/v1/pools/{pool}/plan', `${P}/plan`, 400, body({ remove: 'a' })],
  ['post', '/v1/pools/{pool}/plan', `${P}/plan`, 404, body({ remove: ['nobody'] })],
  ['post', '/v1/pools/{pool}/plan', '/v1/pools/q/plan', 404, body({})],
  ['get', '/v1/pools/{pool}/keys', `${P}/keys`, 200],
  ['get', '/v1/pools/{pool}/keys', `${P}/keys?top=1000`, 200],
  ['get', '/v1/pools/{pool}/keys', `${P}/keys?top=1001`, 400],
  ['get', '/v1/pools/{pool}/keys', '/v1/pools/q/keys', 404],
  ['put', '/v1/pools/{pool}/table/pin', `${P}/table/pin`, 200, body({ client: '192.0.2.7', backend: 'a', ttl: '5m' })],
  ['put', '/v1/pools/{pool}/table/pin', `${P}/table/pin`, 400, body({ client: '192.0.2.7/24', backend: 'a' })],
  ['put', '/v1/pools/{pool}/table/pin', `${P}/table/pin`, 400, body({ client: '192.0.2.7', backend: 'a', ttl: '1' })],
  ['put', '/v1/pools/{pool}/table/pin', `${P}/table/pin`, 404, body({ client: '192.0.2.7', backend: 'nobody' })],
  ['get', '/v1/pools/{pool}/table', `${P}/table`, 200],
  ['get', '/v1/pools/{pool}/table', `${P}/table?limit=1&backend=a&away=true`, 200],
  ['get', '/v1/pools/{pool}/table', `${P}/table?away=yes`, 400],
  ['get', '/v1/pools/{pool}/table', `${P}/table?from=-1`, 400],
  ['get', '/v1/pools/{pool}/table', `${P}/table?backend=nobody`, 404],
  ['get', '/v1/pools/{pool}/table/pin', `${P}/table/pin?client=192.0.2.7`, 200],
  ['get', '/v1/pools/{pool}/table/pin', `${P}/table/pin?client=192.0.2.7%2F32`, 200],
  ['get', '/v1/pools/{pool}/table/pin', `${P}/table/pin?client=192.0.2.8`, 404],
  ['get', '/v1/pools/{pool}/table/pin', `${P}/table/pin?client=here`, 400],
  ['delete', '/v1/pools/{pool}/table/pin', `${P}/table/pin?client=192.0.2.7`, 204],
  ['delete', '/v1/pools/{pool}/table/pin', `${P}/table/pin?client=192.0.2.7`, 404],
  ['post', '/v1/pools/{pool}/table/import', `${P}/table/import`, 409, body({ keyDigest: 'other', pins: [] })],
  ['post', '/v1/pools/{pool}/table/import', `${P}/table/import`, 400, body({ pins: {} })],
  ['delete', '/v1/pools/{pool}/table', `${P}/table?backend=a`, 200],
  ['delete', '/v1/pools/{pool}/table', `${P}/table?backend=nobody`, 404],
  ['get', '/v1/sessions', '/v1/sessions', 200],
  ['get', '/v1/sessions', '/v1/sessions?pool=p&backend=a&limit=10', 200],
  ['get', '/v1/sessions', '/v1/sessions?pool=q', 404],
  ['get', '/v1/sessions', '/v1/sessions?listener=q', 404],
  ['get', '/v1/sessions', '/v1/sessions?limit=0', 400],
  ['delete', '/v1/sessions/{session}', '/v1/sessions/12345', 404],
  ['get', '/v1/closings', '/v1/closings', 200],
  ['post', '/v1/closings', '/v1/closings', 202, body({ backend: 'a', perSecond: 50, deadline: '30s' })],
  ['post', '/v1/closings', '/v1/closings', 404, body({ pool: 'q' })],
  ['post', '/v1/closings', '/v1/closings', 400, body({})],
  ['get', '/v1/closings/{closing}', '/v1/closings/1', 200],
  ['get', '/v1/closings/{closing}', '/v1/closings/9', 404],
  ['delete', '/v1/closings/{closing}', '/v1/closings/1', 200],
  ['delete', '/v1/closings/{closing}', '/v1/closings/9', 404],
  ['post', '/v1/reload', '/v1/reload', 200, body({})],
  ['post', '/v1/reload', '/v1/reload', 400, body({ file: '/etc/passwd' })],
]

async function read(client: AdminClient): Promise<Document> {
  return (await client.json('GET', '/openapi.json')) as Document
}

describe('admin API: routes', () => {
  let balancer: Balancer
  let client: AdminClient
  let document: Document

  beforeEach(async () => {
    const opened = await openAdmin({ listen: { reload: async () => balancer.reload(again()) } })
    balancer = opened.balancer
    client = opened.client
    document = await read(client)
  })
  afterEach(cleanUp)

  /** What the balancer was made of, with one backend more. */
  function again() {
    const { listeners, pools, admin } = balancer.settings()
    const { p } = pools
    return resolveOptions({
      listeners: listeners as never,
      pools: {
        p: { ...p, secret: 'a secret of tests', backends: [...BACKENDS, { name: 'r', address: ADDRESS }] } as never,
      },
      log: { level: 'silent' },
      admin: admin as never,
    })
  }

  it('are the routes of the OpenAPI document, and no others', () => {
    expect(document.openapi).to.equal('3.1.0')
    const documented = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map(method => `${method} ${path}`),
    )
    const mounted = ROUTES.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`)
    expect(documented).to.have.members(mounted)
    const asked = CASES.map(([method, path]) => `${method} ${path}`)
    expect([...new Set([...asked, 'get /v1/events', 'get /v1/log'])]).to.have.members(documented)
    const ids = Object.values(document.paths).flatMap(path => Object.values(path).map(({ operationId }) => operationId))
    expect(new Set(ids).size).to.equal(ids.length)
  })

  it('answer as the document says, for what is right and for what is wrong', async () => {
    const validator = new Validator(document)
    for (const [method, path, target, status, asked] of CASES) {
      const answer = await client.ask(method.toUpperCase(), target, asked)
      expect(answer.status, `${method} ${target}: ${answer.text}`).to.equal(status)
      validator.check(`${method} ${target}`, document.paths[path]?.[method] as Operation, answer)
    }
  })

  it('document the parameters of their paths', () => {
    for (const [path, operations] of Object.entries(document.paths)) {
      const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      for (const { parameters = [] } of Object.values(operations)) {
        expect(parameters.filter(parameter => parameter.in === 'path').map(({ name }) => name)).to.deep.equal(names)
      }
    }
  })

  it('describe bodies by the schema that checks them', async () => {
    const validator = new Validator(document)
    for (const given of [
      { name: 'x', address: ADDRESS },
      { name: 'x', address: ADDRESS, weight: -1 },
      { name: 'x', address: ADDRESS, state: 'gone' },
      { name: 'x' },
      { name: 'x', address: ADDRESS, port: 1 },
      'x',
    ]) {
      const { status } = await client.ask('POST', `${P}/backends`, body(given))
      expect(validator.accepts('NewBackend', given), JSON.stringify(given)).to.equal(status === 201)
    }
  })

  it('take the methods that they have', async () => {
    for (const [path, operations] of Object.entries(document.paths)) {
      const target = path.replace('{pool}', 'p').replace('{backend}', 'a')
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
        if (Object.hasOwn(operations, method.toLowerCase())) continue
        const { status, headers } = await client.ask(method, target, body({}))
        expect(status, `${method} ${target}`).to.equal(405)
        expect(headers.allow?.toLowerCase().split(', ')).to.have.members(Object.keys(operations))
      }
      expect((await client.ask('HEAD', target)).status).to.equal(405)
    }
    expect(await client.refusal('GET', '/v2')).to.deep.equal([404, 'LIMPET_ERR_ADMIN_REQUEST'])
  })

  it('tell and change what the balancer has', async () => {
    const before = balancer.generation
    expect(await client.json('GET', '/v1/status')).to.deep.include({
      version: VERSION,
      pid: process.pid,
      status: 'listening',
      config: null,
      generation: before,
    })
    await client.json('POST', `${P}/backends`, body({ name: 'c', address: ADDRESS }))
    expect(await client.json('PATCH', `${P}/backends/c`, body({ weight: 5 }))).to.include({ name: 'c', weight: 5 })
    expect(balancer.pool().backends().at(-1)).to.include({ name: 'c', weight: 5 })
    expect(balancer.generation).to.equal(before + 2)
    const { pools } = (await client.json('GET', '/v1/config')) as ReturnType<Balancer['settings']>
    expect(pools).to.deep.equal(balancer.settings().pools)
    expect((pools.p?.backends as DescribedBackend[] | undefined)?.at(-1)).to.include({ name: 'c', weight: 5 })
    expect(pools.p?.secret).to.equal('(set)')
    const explained = await client.json('GET', `${P}/explain?address=192.0.2.7`)
    expect(explained).to.deep.equal(JSON.parse(JSON.stringify(balancer.pool().explain('192.0.2.7'))))
    expect(await client.json('POST', '/v1/reload', body({}))).to.deep.include({ generation: before + 3 })
    expect(
      balancer
        .pool()
        .backends()
        .map(({ name }) => name),
    ).to.deep.equal(['a', 'b', 'r'])
  })

  it('do changes one after the other', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `n${index}`)
    const before = balancer.generation
    const adding = names.map(name => client.ask('POST', `${P}/backends`, body({ name, address: ADDRESS })))
    const reloading = [1, 2, 3].map(() => client.ask('POST', '/v1/reload', body({})))
    const answers = await Promise.all([...adding, ...reloading])
    expect(answers.map(({ status }) => status)).to.deep.equal([...names.map(() => 201), 200, 200, 200])
    expect(balancer.generation).to.equal(before + 23)
  })
})

/** Checks bodies against the schemas of a document. */
class Validator {
  readonly #ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true })
  readonly #document: Document

  constructor(document: Document) {
    this.#document = document
    this.#ajv.addSchema({ $id: 'api', components: document.components })
  }

  accepts(name: string, value: unknown): boolean {
    return this.#validator({ $ref: `#/components/schemas/${name}` })(value)
  }

  check(what: string, operation: Operation, { status, headers, text }: Answer): void {
    const { content } = operation.responses[status] ?? operation.responses.default ?? {}
    if (content === undefined) {
      expect(text, what).to.equal('')
      return
    }
    const [type = ''] = headers['content-type']?.split(';', 1) ?? []
    const schema = content[type]?.schema
    expect(schema, `${what}: ${type}`).to.not.equal(undefined)
    const validate = this.#validator(schema as object)
    const value: unknown = type === 'application/json' ? JSON.parse(text) : text
    expect(validate(value), `${what}: ${this.#ajv.errorsText(validate.errors)}`).to.equal(true)
  }

  #validator(schema: object): ValidateFunction {
    const { $ref } = schema as { $ref?: string }
    if ($ref === undefined) return this.#ajv.compile(schema)
    expect(this.#document.components.schemas).to.have.property($ref.split('/').at(-1) ?? '')
    return this.#ajv.compile({ $ref: `api${$ref}` })
  }
}
