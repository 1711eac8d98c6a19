import type { Route } from '../route.ts'

export const showMetrics: Route = {
  method: 'get',
  path: '/metrics',
  summary: 'All figures, in the text format of Prometheus.',
  answers: { 200: { description: 'docs/metrics.md lists them.', body: 'text/plain' } },
  handle: async (call, { metrics }) => {
    return call.body(await metrics.render(), 200, { 'content-type': metrics.contentType })
  },
}
