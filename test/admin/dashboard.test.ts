import { expect } from 'chai'
import { DASHBOARD_PATHS, readDashboard } from '../../src/admin/dashboard.ts'
import { cleanUp } from '../lifecycle/helpers.ts'
import { AdminClient, dialOf, openAdminOnTcp } from './helpers.ts'

describe('admin API: the dashboard', () => {
  afterEach(cleanUp)

  it('is served without a token, once for each version, and figures are not', async () => {
    const { balancer } = await openAdminOnTcp()
    const stranger = new AdminClient(dialOf(balancer))
    for (const path of DASHBOARD_PATHS) {
      const { status, text, headers } = await stranger.ask('GET', path)
      expect(status, path).to.equal(200)
      expect(text, path).to.equal(readDashboard().get(path)?.content.toString())
      expect(headers['content-security-policy'], path).to.match(/^default-src 'none'/)
      const again = await stranger.ask('GET', path, { headers: { 'If-None-Match': String(headers.etag) } })
      expect([again.status, again.text], path).to.deep.equal([304, ''])
    }
    for (const path of ['/metrics', '/v1/status', '/v1/sessions']) {
      expect((await stranger.ask('GET', path)).status, path).to.equal(401)
    }
    expect((await stranger.ask('GET', '/', { headers: { Host: 'elsewhere.example' } })).status).to.equal(403)
  })
})
