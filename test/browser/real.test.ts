import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { type Browser, chromium, type Page } from 'playwright-core'
import { dialOf, openAdminOnTcp, TOKEN } from '../admin/helpers.ts'
import { requirePeer } from '../helpers/peers.ts'
import { TIMEOUT_MS, until } from '../helpers/wait.ts'
import { cleanUp } from '../lifecycle/helpers.ts'

const SCREENSHOTS = join(process.env.LIMPET_TEST_ARTEFACTS ?? 'build', 'screenshots')
const BACKENDS = ['a', 'b', 'c'].map(name => ({ name, address: '127.0.0.1:9' }))

/** The page over the API itself: what the scripted one of the other tests leaves out or gets wrong is found here. */
describe('dashboard of a running balancer', () => {
  let browser: Browser

  before(async function () {
    const executablePath = requirePeer(this, 'chromium')
    mkdirSync(SCREENSHOTS, { recursive: true })
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'], timeout: TIMEOUT_MS })
  })

  after(async () => browser?.close())

  afterEach(async () => {
    await Promise.all(browser.contexts().map(context => context.close()))
    await cleanUp()
  })

  async function open(port: number): Promise<{ page: Page; complaints: string[] }> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } })
    context.setDefaultTimeout(TIMEOUT_MS)
    const page = await context.newPage()
    const complaints: string[] = []
    page.on('pageerror', error => complaints.push(String(error)))
    await page.goto(`http://127.0.0.1:${port}`)
    await page.getByLabel('Token', { exact: true }).fill(TOKEN)
    await page.keyboard.press('Enter')
    await page.locator('#connection[data-state=live]').waitFor()
    return { page, complaints }
  }

  it('shows loads, homes and keys, previews a change, makes it, and tells what it moved', async () => {
    const { balancer } = await openAdminOnTcp({ pool: { stickTable: { size: 1000 }, backends: BACKENDS } })
    const pool = balancer.pool()
    const clients = Array.from({ length: 30 }, (_, at) => `192.0.2.${at + 1}`)
    const decisions = [...clients, '192.0.2.1', '192.0.2.1'].map(client => balancer.pick(client))
    const dial = dialOf(balancer)
    const { page, complaints } = await open('port' in dial ? dial.port : 0)

    const a = page.getByRole('listitem', { name: 'Backend a', exact: true })
    const { sessions, bound } = pool.backends()[0] ?? expect.fail('there is no backend')
    await a.getByText(`${sessions} sessions, bound ${bound}`).waitFor()
    const { homesMoved, backends } = pool.plan({ remove: ['a'] })
    const share = `${(100 * (backends[0]?.before ?? 0)).toFixed(1)} % of the keys`
    await page.getByRole('listitem', { name: 'Home a', exact: true }).getByText(share).waitFor()
    await page.locator('.hottest li').first().getByText('192.0.2.1/32').waitFor()
    await page
      .locator('.hottest li')
      .first()
      .getByText(/3 · home \w · on/)
      .waitFor()

    await a.getByRole('button', { name: 'weight a' }).click()
    await page.locator('#weight').fill('0')
    await page
      .locator('#preview')
      .getByText(`${(100 * homesMoved).toFixed(1)} %`)
      .first()
      .waitFor()
    await page.getByRole('button', { name: 'Set weight' }).click()
    await until('the change', () => pool.backends()[0]?.weight === 0)
    await page
      .locator('#timeline')
      .getByText(/p: \d+\.\d % of the homes moved/)
      .waitFor()
    const { lastMove } = balancer.stats().pools.p ?? {}
    expect(lastMove?.homesMoved).to.be.closeTo(homesMoved, 0.02)
    await page.getByRole('listitem', { name: 'Home a', exact: true }).waitFor({ state: 'detached' })
    await page.locator('.part', { hasText: 'Affinity' }).getByText('homes moved by the last change').waitFor()
    await page.locator('#session-chart [role=img][aria-label*="now new sessions 0"]').waitFor()
    await page.screenshot({ path: join(SCREENSHOTS, 'real.png'), fullPage: true })
    for (const decision of decisions) decision.release()
    expect(complaints).to.deep.equal([])
  })
})
