import type { Route } from '../route.ts'
import { BODIES } from '../schemas.ts'

export const showConfig: Route = {
  method: 'get',
  path: '/v1/config',
  summary: 'Every setting in force, with the backends as they are now; of secrets, where they came from.',
  answers: { 200: { description: 'As `settings` of `limpet check --json`.', body: BODIES.config } },
  handle: (call, { balancer }) => call.json(balancer.settings()),
}
