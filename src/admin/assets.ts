import type { HttpBindings } from '@hono/node-server'
import type { Hono } from 'hono'
import { readDashboard } from './dashboard.ts'

/** Serves the files of the dashboard, which are no part of the API. */
export function mountDashboard(app: Hono<{ Bindings: HttpBindings }>): void {
  for (const [path, { content, headers }] of readDashboard()) {
    app.get(path, call => {
      const isKnown = call.req.header('if-none-match') === headers.etag
      return isKnown ? call.body(null, 304, { ...headers }) : call.body(new Uint8Array(content), 200, { ...headers })
    })
  }
}
