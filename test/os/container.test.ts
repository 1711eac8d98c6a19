import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { Program } from '../helpers/programs.ts'
import { cleanUp } from '../lifecycle/helpers.ts'
import { Site } from '../upgrade/helpers.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const CONTAINERFILE = readFileSync(join(ROOT, 'deploy/container/Containerfile'), 'utf8').replaceAll('\\\n', ' ')
const READY = join(ROOT, 'deploy/container/ready.mjs')

/** The instructions of one kind, without their name. */
function instructions(name: string): string[] {
  const lines = CONTAINERFILE.split('\n').filter(line => line.startsWith(`${name} `))
  return lines.map(line => line.slice(name.length + 1).trim())
}

async function isReady(socket: string): Promise<number | null> {
  return (await new Program(process.execPath, [READY, socket]).exited).code
}

describe('the container file', () => {
  afterEach(cleanUp)

  it('copies what is there, and what the build makes', () => {
    const copies = instructions('COPY').map(text => text.split(/\s+/))
    expect(copies.length).to.be.at.least(8)
    for (const [first = '', ...rest] of copies) {
      const sources = first.startsWith('--from=') ? rest.slice(0, -1) : [first, ...rest.slice(0, -1)]
      expect(sources).to.not.deep.equal([])
      for (const source of sources)
        expect(existsSync(join(ROOT, source.replace(/^\/src\//, ''))), source).to.equal(true)
    }
  })

  it('runs files that it has copied, as somebody who is not root', () => {
    expect(instructions('USER')).to.deep.equal(['10001:10001'])
    expect(CONTAINERFILE).to.include('ln -s /opt/limpet/dist/cli/main.js /usr/local/bin/limpet')
    expect(existsSync(join(ROOT, 'src/cli/main.ts'))).to.equal(true)
    expect(instructions('HEALTHCHECK')[0]).to.include('"/opt/limpet/ready.mjs", "/run/limpet/admin.sock"')
    expect(instructions('WORKDIR').at(-1)).to.equal('/opt/limpet')
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>
    }
    for (const [, script = ''] of CONTAINERFILE.matchAll(/npm run (\S+)/g)) expect(scripts).to.have.property(script)
  })

  it('has a health check that tells who is ready from who is not', async () => {
    const site = await Site.make()
    expect(await isReady(site.admin)).to.equal(1)
    const run = await site.start()
    expect(await isReady(site.admin)).to.equal(0)
    await site.write({ pools: { p: { secret: 'a secret of tests', backends: [] } } })
    await run.reload(site.file, site.config({ pools: { p: { secret: 'a secret of tests', backends: [] } } }))
    expect(await isReady(site.admin)).to.equal(1)
  })
})
