import { z } from 'zod'
import { VERSION } from '../package-info.ts'
import type { Answer, Named, Route } from './route.ts'
import { BODIES, EVENT_DATA, LOG_DATA } from './schemas.ts'

type Json = Record<string, unknown>

/** The OpenAPI 3.1 document of these routes, made from the schemas by which bodies are checked. */
export function openApiDocument(routes: readonly Route[]): Json {
  const schemas = Object.values<Named>(BODIES).map(({ name, schema }): [string, Json] => [name, jsonSchema(schema)])
  return {
    openapi: '3.1.0',
    info: { title: 'Limpet admin API', version: VERSION, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: 'http://localhost', description: 'The unix socket, or the address, of admin.listen.' }],
    security: [{ token: [] }],
    paths: pathsOf(routes),
    components: {
      schemas: Object.fromEntries(schemas),
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'Not needed where admin.token is not set.' },
      },
    },
    'x-events': namedSchemas(EVENT_DATA),
    'x-log': namedSchemas(LOG_DATA),
  }
}

function namedSchemas(schemas: Record<string, z.ZodType>): Json {
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, jsonSchema(schema)]))
}

function pathsOf(routes: readonly Route[]): Json {
  const paths: Record<string, Json> = {}
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method]: operation(route) }
  }
  return paths
}

function operation({ method, path, summary, isOpen, query, body, answers }: Route): Json {
  const names = [...path.matchAll(/:(\w+)/g)].map(([, name]) => name)
  const parameters = [
    ...names.map(name => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
    ...Object.entries(query?.shape ?? {}).map(([name, schema]) => queryParameter(name, schema as z.ZodType)),
  ]
  const responses = Object.entries(answers).map(([status, answer]) => [status, responseOf(answer)])
  return {
    operationId: [method, ...path.split(/\W+/)].filter(part => part !== '').join('_'),
    summary,
    ...(isOpen === true ? { security: [] } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: body !== BODIES.nothing, content: contentOf(body) } }),
    responses: {
      ...Object.fromEntries(responses),
      default: responseOf({ description: 'What was refused, and why.', body: BODIES.error }),
    },
  }
}

function queryParameter(name: string, schema: z.ZodType): Json {
  const { description } = schema
  const required = !schema.safeParse(undefined).success
  return {
    name,
    in: 'query',
    required,
    schema: jsonSchema(schema),
    ...(description === undefined ? {} : { description }),
  }
}

function responseOf({ description, body }: Answer): Json {
  return body === undefined ? { description } : { description, content: contentOf(body) }
}

function contentOf(body: Exclude<Answer['body'], undefined>): Json {
  if (typeof body === 'string')
    return { [body]: { schema: { type: body === 'application/json' ? 'object' : 'string' } } }
  return { 'application/json': { schema: { $ref: `#/components/schemas/${body.name}` } } }
}

function jsonSchema(schema: z.ZodType): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Json
  return rest
}
