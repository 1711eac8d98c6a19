import { expect } from 'chai'
import { type Browser, chromium } from 'playwright-core'
import { AUTO, HttpBackend } from '../cookies/servers.ts'
import { requirePeer } from '../helpers/peers.ts'
import { Rig } from '../helpers/rig.ts'
import { TEST_MS, TIMEOUT_MS } from '../helpers/wait.ts'

const NAMES = ['a', 'b', 'c']
const PARTS = 6
/** Says who served it, and asks for more, on several connections at a time. */
const pageOf = (name: string): string => `<title>${name}</title><script type="module">
  const parts = await Promise.all(Array.from({ length: ${PARTS} }, (_, at) => fetch('/part/' + at).then(part => part.text())))
  document.body.dataset.parts = parts.join()
</script><body></body>`

describe('Chromium behind affinity.cookie', function () {
  this.timeout(TEST_MS)
  let browser: Browser

  before(async function () {
    const executablePath = requirePeer(this, 'chromium')
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'], timeout: TIMEOUT_MS })
  })
  after(async () => browser?.close())

  it('keeps its backend over reloads, and the next one after that has died', async () => {
    const backends = await Promise.all(
      NAMES.map(name =>
        HttpBackend.start(name, ({ url }, response) => {
          // Each request is a connection of its own, which must find its way.
          response.writeHead(200, { 'content-type': 'text/html', connection: 'close', 'cache-control': 'no-store' })
          response.end(url?.startsWith('/part') ? name : pageOf(name))
        }),
      ),
    )
    await using rig = await Rig.open(AUTO, {
      backends: backends.map(({ options }) => options),
      // Without the cookie every connection goes to the next one.
      pool: { affinity: { key: 'http.header:x-nobody-has-this', fallback: 'random', cookie: { mode: 'insert' } } },
    })
    const context = await browser.newContext()
    context.setDefaultTimeout(TIMEOUT_MS)
    const page = await context.newPage()
    const servedBy = async (): Promise<string> => {
      const parts = await page.locator('body[data-parts]').getAttribute('data-parts')
      const name = await page.title()
      expect(parts).to.equal(new Array(PARTS).fill(name).join())
      return name
    }
    await page.goto(`http://127.0.0.1:${rig.dial.port}/`)
    const home = await servedBy()
    for (let reload = 0; reload < 3; reload++) {
      await page.reload()
      expect(await servedBy()).to.equal(home)
    }
    const [cookie] = await context.cookies()
    expect(cookie).to.deep.include({ name: 'limpet', path: '/', httpOnly: true, sameSite: 'Lax', expires: -1 })
    await backends.find(({ name }) => name === home)?.[Symbol.asyncDispose]()
    await page.reload()
    const other = await servedBy()
    expect(other).to.not.equal(home)
    await page.reload()
    expect(await servedBy()).to.equal(other)
    await context.close()
    for (const backend of backends) await backend[Symbol.asyncDispose]()
  })
})
