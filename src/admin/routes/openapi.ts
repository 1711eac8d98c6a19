import { openApiDocument } from '../openapi.ts'
import type { Route } from '../route.ts'
import { ROUTES } from './index.ts'

let document: string | undefined

export const describeApi: Route = {
  method: 'get',
  path: '/openapi.json',
  summary: 'This document.',
  answers: { 200: { description: 'OpenAPI 3.1.', body: 'application/json' } },
  handle: call => {
    document ??= JSON.stringify(openApiDocument(ROUTES))
    return call.body(document, 200, { 'content-type': 'application/json' })
  },
}
