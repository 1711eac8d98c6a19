import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { requirePeer } from '../helpers/peers.ts'
import { TIMEOUT_MS, until, within } from '../helpers/wait.ts'
import { FixtureServer } from './fixture/server.ts'
import { HOSTILE } from './fixture/state.ts'

/** CI keeps what is there. */
const SCREENSHOTS = join(process.env.LIMPET_TEST_ARTEFACTS ?? 'build', 'screenshots')
/** Samples of a picture, a second apart. */
const SAMPLES = 60

describe('dashboard in a browser', () => {
  let browser: Browser
  let server: FixtureServer
  /** What no page may have: errors of the console, of scripts, and requests to elsewhere. */
  let complaints: string[]

  before(async function () {
    const executablePath = requirePeer(this, 'chromium')
    mkdirSync(SCREENSHOTS, { recursive: true })
    // Containers and root have no user namespaces for its sandbox; it only sees our own page.
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'], timeout: TIMEOUT_MS })
  })

  after(async () => browser?.close())

  beforeEach(async () => {
    complaints = []
    server = new FixtureServer()
    await server.open()
  })

  afterEach(async () => {
    await Promise.all(browser.contexts().map(context => context.close()))
    await server.close()
  })

  async function open(options: BrowserContextOptions = {}, prepare?: (page: Page) => Promise<void>): Promise<Page> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })
    context.setDefaultTimeout(TIMEOUT_MS)
    const page = await context.newPage()
    page.on('console', message => {
      if (message.type() === 'error') complaints.push(message.text())
    })
    page.on('pageerror', error => complaints.push(String(error)))
    page.on('request', request => {
      if (new URL(request.url()).origin !== server.origin) complaints.push(request.url())
    })
    await prepare?.(page)
    await page.goto(server.origin)
    return page
  }

  async function openLive(options: BrowserContextOptions = {}, prepare?: (page: Page) => Promise<void>): Promise<Page> {
    const page = await open(options, prepare)
    await page.locator('#connection[data-state=live]').waitFor()
    return page
  }

  const backend = (page: Page, name: string) => page.getByRole('listitem', { name: `Backend ${name}`, exact: true })

  it('draws the load and the bound, and asks nobody else', async () => {
    const page = await openLive()
    // ceil(1.25 · (40 + 31 + 18 + 1) · 1 / 3) of the three that are up.
    await backend(page, 'r1').getByText('40 sessions, bound 38').waitFor()
    const fill = await backend(page, 'r1').locator('.fill').boundingBox()
    const bound = await backend(page, 'r1').locator('.bound').boundingBox()
    if (fill === null || bound === null) throw new Error('nothing is drawn')
    const track = await backend(page, 'r1').locator('.track').boundingBox()
    expect(bound.x - fill.x).to.be.closeTo(((track?.width ?? 0) * 0.96 * 38) / 40, 3)
    await page.locator('#session-rate').filter({ hasText: /\d/ }).waitFor()
    expect(complaints).to.deep.equal([])
  })

  it('takes the name of a backend for text', async () => {
    const page = await openLive()
    const row = backend(page, HOSTILE)
    expect(await row.locator('.name').textContent()).to.equal(HOSTILE)
    expect(await row.locator('.badge').textContent()).to.equal('down')
    await row.getByRole('button', { name: /^drain / }).click()
    await page.locator('#change-title').getByText(HOSTILE).waitFor()
    server.tell('backendDown', { pool: 'redis', name: HOSTILE, address: 'a', reason: HOSTILE })
    await page.locator('#timeline').getByText(`is down: ${HOSTILE}`).waitFor()
    expect(await page.locator('main img, dialog img').count()).to.equal(0)
    expect(await page.evaluate('window.isHurt')).to.equal(undefined)
    expect(complaints).to.deep.equal([])
  })

  it('tells of other balancers, and which of them give other homes', async () => {
    const page = await openLive()
    const card = page.getByRole('region', { name: 'Other balancers' })
    await card.getByText('synced').waitFor()
    await card.getByText('lives · 0.1.0 · same homes').waitFor()
    await card.getByText('other homes: pool redis: weight of r2 is 2 there, 1 here').waitFor()
    await card.getByText('not seen for 42 s').waitFor()
    expect(await card.locator('dt').nth(1).textContent()).to.equal(HOSTILE)
    expect(complaints).to.deep.equal([])
  })

  /** Whether something of this colour, as a little-endian number, is drawn on the canvas of a chart. */
  const isDrawn = (page: Page, chart: string, colour: number): Promise<boolean> =>
    page.evaluate(`{
      const canvas = document.querySelector('${chart} canvas')
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
      new Uint32Array(data.buffer).includes(${colour})
    }`)

  it('draws lines over time, in the colours of the page', async () => {
    const page = await openLive({ colorScheme: 'light' })
    await page.locator('#byte-chart [role=img][aria-label*="now to clients"]').waitFor()
    await until('a line', () => isDrawn(page, '#byte-chart', 0xff_90_9d_2a))
    await until('another line', () => isDrawn(page, '#byte-chart', 0xff_c1_4f_6a))
    await page.emulateMedia({ colorScheme: 'dark' })
    await until('the line of the dark page', () => isDrawn(page, '#byte-chart', 0xff_a5_b5_2f))
    const labels = await page.locator('.details .u-legend th').allTextContents()
    expect(labels.slice(1)).to.deep.equal([
      'pin',
      'home',
      'overflow',
      'failover',
      'redispatch',
      'nokey',
      'returned',
      'cookie',
    ])
    await page.setViewportSize({ width: 360, height: 800 })
    await until(
      'the chart fits',
      async () => ((await page.locator('#byte-chart canvas').boundingBox())?.width ?? 999) < 340,
    )
    expect(complaints).to.deep.equal([])
  })

  it('shows who is home where, and the keys with the most sessions', async () => {
    const page = await openLive()
    const home = (name: string) => page.getByRole('listitem', { name: `Home ${name}`, exact: true })
    await home('r1').getByText('25.0 % of the keys · 31 sessions at home, elsewhere: r3 2').waitFor()
    await home(HOSTILE).getByText('25.0 % of the keys · 0 sessions at home, elsewhere: r1 9, r2 7, r3 1').waitFor()
    const widths = await home('r1')
      .locator('rect')
      .evaluateAll(all => all.map(one => one.getAttribute('width')))
    expect(widths).to.deep.equal(['100%', `${(100 * 31) / 33}%`, `${(100 * 2) / 33}%`])
    expect(await page.locator('.hottest li').allTextContents()).to.deep.equal([
      '192.0.2.7/32 9 · home r1 · on r1 9',
      `2001:db8::/64 5 · home ${HOSTILE} · on r2 3, r1 2`,
      '198.51.100.20/32 4 · home r2 · on r2 4',
    ])
    expect(complaints).to.deep.equal([])
  })

  it('tells what changes have moved, and what came back from the file of the table', async () => {
    const page = await openLive()
    const { isExact, sample, time } = { isExact: true, sample: 1000, time: Date.now() }
    server.tell('clientsMoved', { pool: 'redis', homesMoved: 0.25, pinsMoved: 421, isExact, sample, time })
    await page.locator('#timeline').getByText('redis: 25.0 % of the homes moved, 421 pins').waitFor()
    const facts = async (title: string) =>
      (await page.locator('.part', { hasText: title }).locator('dt, dd').allTextContents()).join('|')
    expect(await facts('Affinity')).to.contain('homes moved by the last change|25.0 %|pins moved by it|421')
    expect(await facts('Stick table')).to.contain('file opened|3 times|pins that came back|58,211')
  })

  it('judges fairness by those that take new clients, as the core says', async () => {
    const [r1, r2] = server.state.backends
    if (r1 === undefined || r2 === undefined) throw new Error('there are no backends')
    // Of r2 and r3 alone: (31 + 18)² / (2 · (31² + 18²)).
    r1.takesNew = false
    const page = await openLive()
    await page.locator('.part', { hasText: 'Affinity' }).getByText('0.934').waitFor()
  })

  it('shows what a drain would move, and asks for it only when told to', async () => {
    const page = await openLive()
    await backend(page, 'r1').getByRole('button', { name: 'drain r1' }).click()
    await page.locator('#preview').getByText('421').waitFor()
    const path = '/v1/pools/redis'
    const plan = { method: 'POST', path: `${path}/plan`, body: { update: { r1: { state: 'drain' } } } }
    expect(server.changes).to.deep.equal([plan])
    await page.screenshot({ path: join(SCREENSHOTS, 'preview.png') })
    await page.getByRole('button', { name: 'Set drain' }).click()
    await backend(page, 'r1').locator('.badge').getByText('drain', { exact: true }).waitFor()
    const patch = { method: 'PATCH', path: `${path}/backends/r1`, body: { state: 'drain' } }
    expect(server.changes).to.deep.equal([plan, patch])
  })

  it('does without a preview where there is none, and shows an error as it is', async () => {
    server.hasPlan = false
    server.refusal = { code: 'LIMPET_ERR_INVALID_STATE', message: 'not <b>now</b>' }
    const page = await openLive()
    await backend(page, 'r2').getByRole('button', { name: 'weight r2' }).click()
    await page.getByText('This Limpet gives no preview.').waitFor()
    await page.locator('#weight').fill('3')
    await page.getByRole('button', { name: 'Set weight' }).click()
    await page.getByText('LIMPET_ERR_INVALID_STATE: not <b>now</b>').waitFor()
    expect(server.changes.at(-1)?.body).to.deep.equal({ weight: 3 })
  })

  it('keeps how a backend was, and tells it from events', async () => {
    const page = await openLive()
    const strip = backend(page, 'r3').locator('.history')
    await strip.locator('rect.good').waitFor()
    const r3 = server.state.backends[2]
    if (r3 === undefined) throw new Error('there is no r3')
    r3.health = { status: 'down', reason: 'timeout', since: Date.now() }
    server.tell('backendDown', { pool: 'redis', name: 'r3', address: 'a', reason: 'timeout' })
    await page.locator('#timeline').getByText('redis / r3 is down: timeout').waitFor()
    await strip.locator('rect.bad').waitFor()
    expect(await strip.locator('rect').count()).to.equal(2)
    expect(await backend(page, 'r3').locator('.reason').textContent()).to.match(/^timeout · for \d+ s$/)
  })

  it('goes on after the last event when the stream has ended, and says what was missed', async () => {
    const page = await openLive()
    server.tell('backendUp', { pool: 'redis', name: 'r3', address: 'a', reason: 'PONG' })
    await page.locator('#timeline').getByText('redis / r3 is up: PONG').waitFor()
    server.endStreams()
    await page.locator('#timeline').getByText('events were missed meanwhile').waitFor()
    expect(server.lastIds).to.deep.equal([undefined, '0a1b2c3d-1'])
  })

  it('explains a client', async () => {
    const page = await openLive()
    await page.keyboard.press('/')
    await page.keyboard.type('192.0.2.7')
    await page.keyboard.press('Enter')
    await page.locator('#explanation').getByText('r2, expires in 2 min').waitFor()
    await page.locator('#explanation').getByText('r2, pin (3 sessions, bound 5)').waitFor()
    await page.locator('#explanation').getByText(`r1, r2, ${HOSTILE}`).waitFor()
    await page.locator('#address').fill('nobody')
    await page.keyboard.press('Enter')
    await page.getByText('LIMPET_ERR_BAD_ADDRESS: nobody is no address').waitFor()
  })

  it('is used by keyboard alone', async () => {
    const page = await openLive()
    await page.keyboard.press('j')
    await page.keyboard.press('j')
    const outline = await backend(page, 'r2').evaluate(node => `${node.matches(':focus-visible')}`)
    expect(outline).to.equal('true')
    await page.keyboard.press('m')
    await page.locator('#change-title').getByText('maint of r2').waitFor()
    await page.keyboard.press('Escape')
    await page.locator('#change').waitFor({ state: 'hidden' })
    expect(server.changes.filter(change => change.method === 'PATCH')).to.deep.equal([])
    await page.keyboard.press('?')
    await page.getByRole('heading', { name: 'Keys', exact: true }).waitFor()
  })

  it('says that the connection is lost, and finds it again', async () => {
    const page = await openLive()
    await server.close()
    await page.locator('#connection[data-state=lost]').waitFor()
    expect(await page.locator('#connection').textContent()).to.match(/^connection lost; next try in \d+ s$/)
    await server.open()
    await page.locator('#connection[data-state=live]').waitFor()
  })

  it('asks for the token, and keeps it for the tab', async () => {
    server.token = 'a secret'
    const page = await open()
    await page.getByLabel('Token', { exact: true }).fill('wrong')
    await page.keyboard.press('Enter')
    await page.locator('#login-error').getByText('LIMPET_ERR_ADMIN_TOKEN').waitFor()
    await page.getByLabel('Token', { exact: true }).fill('a secret')
    await page.keyboard.press('Enter')
    await page.locator('#connection[data-state=live]').waitFor()
    expect(
      await page.evaluate('JSON.stringify([Object.values(sessionStorage), localStorage.length, document.cookie])'),
    ).to.equal('[["a secret"],0,""]')
  })

  it('runs no script that is inline', async () => {
    const page = await openLive()
    await page.evaluate(`{
      const script = document.createElement('script')
      script.textContent = 'window.isHurt = true'
      document.body.append(script)
    }`)
    await until('the policy refuses it', () => complaints.length > 0)
    expect(complaints.join()).to.contain('Content Security Policy')
    expect(await page.evaluate('window.isHurt')).to.equal(undefined)
  })

  it('lets bars glide only for who wants motion', async () => {
    const page = await openLive()
    const transition = () =>
      backend(page, 'r1')
        .locator('.fill')
        .evaluate(node => node.ownerDocument.defaultView?.getComputedStyle(node).transitionDuration)
    expect(await transition()).to.equal('0.4s')
    await page.emulateMedia({ reducedMotion: 'reduce' })
    expect(await transition()).to.equal('0s')
  })

  it('does not move when the figures change', async () => {
    const page = await openLive()
    const place = () => backend(page, 'r3').boundingBox()
    const before = await place()
    const status = () => within('the next figures', page.waitForResponse(/v1\/status/))
    await status()
    await status()
    expect(await place()).to.deep.equal(before)
  })

  const looks = [
    { name: 'desktop-light', colorScheme: 'light', width: 1280, background: 'rgb(244, 246, 247)' },
    { name: 'desktop-dark', colorScheme: 'dark', width: 1280, background: 'rgb(16, 22, 28)' },
    { name: 'phone', colorScheme: 'light', width: 360, background: 'rgb(244, 246, 247)' },
    { name: 'phone-dark', colorScheme: 'dark', width: 360, background: 'rgb(16, 22, 28)' },
  ] as const
  for (const { name, colorScheme, width, background } of looks) {
    it(`fits and has its colours: ${name}`, async () => {
      const page = await openLive({ colorScheme, viewport: { width, height: 900 } }, page => page.clock.install())
      server.tell('backendUp', { pool: 'redis', name: 'r2', address: 'a', reason: 'PONG' })
      await page.getByText('redis / r2 is up: PONG').waitFor()
      await until('lines of a minute', async () => {
        await page.clock.runFor(1000)
        return server.state.turns >= SAMPLES
      })
      await page.getByRole('listitem', { name: 'Home r1', exact: true }).getByText('sessions at home').waitFor()
      expect(await page.evaluate('document.documentElement.scrollWidth')).to.equal(width)
      expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).to.equal(background)
      await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true })
      expect(complaints).to.deep.equal([])
    })
  }
})
