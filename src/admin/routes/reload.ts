import { readBody } from '../body.ts'
import { AdminError } from '../errors.ts'
import type { Route } from '../route.ts'
import { BODIES } from '../schemas.ts'
import { requestError } from '../security.ts'

export const reloadConfig: Route = {
  method: 'post',
  path: '/v1/reload',
  summary: 'Has the configuration read again, as SIGHUP does. On an error nothing is changed.',
  body: BODIES.nothing,
  answers: {
    200: { description: 'What it changed.', body: BODIES.reload },
    501: { description: 'This program cannot read its configuration again.', body: BODIES.error },
  },
  handle: async (call, { reload, turns }) => {
    const body = (await readBody(call.env.incoming)) ?? {}
    if (!BODIES.nothing.schema.safeParse(body).success)
      throw requestError(400, 'the body of a reload is {} or empty: it takes what the file has')
    if (reload === undefined)
      throw new AdminError(
        501,
        'LIMPET_ERR_UNSUPPORTED',
        'this program did not say how its configuration is read again',
      )
    return call.json(await turns.take(reload))
  },
}
