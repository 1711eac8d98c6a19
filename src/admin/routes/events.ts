import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Route } from '../route.ts'

export const followEvents: Route = {
  method: 'get',
  path: '/v1/events',
  summary:
    'What changes, as server-sent events, after the one of the header Last-Event-ID. `x-events` has what each of them carries.',
  answers: {
    200: { description: 'A stream that does not end; the first event is `hello`.', body: 'text/event-stream' },
  },
  handle: ({ env: { outgoing }, req }, { feed }) => {
    if ('stream' in outgoing) throw new TypeError('the admin API speaks HTTP/1.1 only')
    feed.subscribe(outgoing, req.header('last-event-id'))
    return RESPONSE_ALREADY_SENT
  },
}
