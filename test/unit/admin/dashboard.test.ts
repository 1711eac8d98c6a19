import { readdirSync } from 'node:fs'
import { expect } from 'chai'
import { DASHBOARD_PATHS, readDashboard } from '../../../src/admin/dashboard.ts'

/** Comes from a package. */
const LIBRARY = ['/uplot.js', '/uplot.css']
/** What an address may be: a namespace, and where the library says that it is from. */
const KNOWN = ['http://www.w3.org/2000/svg', 'https://github.com/leeoniya/uPlot']

describe('files of the dashboard', () => {
  const files = readDashboard()

  it('are all that the directory holds', () => {
    const names = readdirSync(new URL('../../../src/dashboard/', import.meta.url)).map(name => `/${name}`)
    const own = DASHBOARD_PATHS.filter(path => !LIBRARY.includes(path))
    expect(own.map(path => (path === '/' ? '/index.html' : path))).to.have.members(names)
    expect([...files.keys()]).to.have.members([...DASHBOARD_PATHS])
  })

  it('have a type, a tag of their content, and a policy without anything inline or remote', () => {
    const tags = new Set([...files.values()].map(({ headers }) => headers.etag))
    expect(tags.size).to.equal(files.size)
    for (const [path, { headers }] of files) {
      expect(headers['content-type'], path).to.match(/^(text|image)\//)
      expect(headers.etag, path).to.match(/^"[\w-]{22}"$/)
      expect(headers['content-security-policy'], path).to.match(/^default-src 'none';/)
      expect(headers['content-security-policy'], path).not.to.match(/unsafe|\*|https?:|data:/)
    }
  })

  it('name nothing of another host', () => {
    for (const [path, { content }] of files) {
      const addresses = content.toString().match(/https?:\/\/[^\s"')]+/g) ?? []
      expect(
        addresses.filter(address => !KNOWN.includes(address)),
        path,
      ).to.deep.equal([])
    }
  })
})
