import type { HttpBindings } from '@hono/node-server'
import { Hono } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Log } from '../log/log.ts'
import { answerOf, type ErrorAnswer, FAULT } from './errors.ts'
import type { Api, Call, Route } from './route.ts'
import { requestError } from './security.ts'

/** The routes behind one function that answers requests. */
export function createApp(routes: readonly Route[], api: Api, log: Log): Hono<{ Bindings: HttpBindings }> {
  const app = new Hono<{ Bindings: HttpBindings }>()
  for (const route of routes) {
    app.on(route.method.toUpperCase(), route.path, call => {
      checkQuery(route, call)
      return route.handle(call, api)
    })
  }
  for (const path of new Set(routes.map(route => route.path))) {
    const methods = routes.filter(route => route.path === path).map(({ method }) => method.toUpperCase())
    app.all(path, () => {
      throw requestError(405, `this takes ${methods.join(', ')}`, { allow: methods.join(', ') })
    })
  }
  app.notFound(call =>
    refuse(call, answer(requestError(404, 'there is nothing of this name; /openapi.json lists all'))),
  )
  app.onError((error, call) => {
    const told = answerOf(error)
    // The stack is for whoever mends the program.
    if (told === undefined) log.error({ method: call.req.method, path: call.req.path, error: error.stack }, 'admin API')
    return refuse(call, told ?? FAULT)
  })
  return app
}

function checkQuery({ query }: Route, call: Call): void {
  const given = call.req.queries()
  const twice = Object.keys(given).find(name => given[name]?.length !== 1)
  if (twice !== undefined) throw requestError(400, `the parameter ${JSON.stringify(twice)} is given more than once`)
  const known = Object.keys(query?.shape ?? {})
  const unknown = Object.keys(given).find(name => !known.includes(name))
  if (unknown !== undefined) throw requestError(400, `there is no parameter ${JSON.stringify(unknown)} here`)
  const checked = query?.safeParse(call.req.query())
  if (checked?.success !== false) return
  const missing = String(checked.error.issues[0]?.path[0])
  const isGiven = Object.hasOwn(given, missing)
  throw requestError(400, `the parameter ${JSON.stringify(missing)} ${isGiven ? 'cannot be this' : 'is needed'}`)
}

function answer(error: Error): ErrorAnswer {
  return answerOf(error) ?? FAULT
}

function refuse(call: Call, { status, headers, body }: ErrorAnswer): Response {
  return call.json(body, status as ContentfulStatusCode, { ...headers })
}
