import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import type { z } from 'zod'
import type { Balancer } from '../balancer.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { ReloadResult } from '../reload/result.ts'
import type { Turns } from '../turns.ts'
import type { EventFeed } from './event-feed.ts'
import type { SessionStream } from './session-stream.ts'

/** One request. */
export type Call = Context<{ Bindings: HttpBindings }>

/** What the routes work on. */
export interface Api {
  balancer: Balancer
  /** The file of the configuration, if there is one. */
  file: string | undefined
  feed: EventFeed
  sessions: SessionStream
  metrics: Metrics
  /** Changes and reloads, one after the other; each is answered when it would outlive a restart. */
  turns: Turns
  /** Undefined: this program cannot read its configuration again. */
  reload: (() => Promise<ReloadResult>) | undefined
}

/** A schema that has a name in the OpenAPI document. */
export interface Named {
  name: string
  schema: z.ZodType
}

/** How a request may be answered. */
export interface Answer {
  description: string
  /** Absent: there is no body. */
  body?: Named | 'text/plain' | 'text/event-stream' | 'application/json'
}

/** One thing that can be asked, and all that is said about it: the server and the OpenAPI document are made of these. */
export interface Route {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** As in `/v1/pools/:pool`. */
  path: string
  summary: string
  /** Whether it needs no token. */
  isOpen?: boolean
  /** Parameters behind the `?`; others are refused. */
  query?: z.ZodObject
  /** What checks the body is the pool, by the same schema. */
  body?: Named
  /** By status; those of errors that every route has are left out. */
  answers: Readonly<Record<number, Answer>>
  handle(call: Call, api: Api): Response | Promise<Response>
}
