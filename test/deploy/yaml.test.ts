import { join } from 'node:path'
import { expect } from 'chai'
import { requirePeer } from '../helpers/peers.ts'
import { Program } from '../helpers/programs.ts'
import { DEPLOY, yamlFiles } from './samples.ts'

/** What is a matter of taste: the rest of yamllint's rules hold, doubled keys among them. */
const RULES = {
  'line-length': { max: 140 },
  'document-start': 'disable',
  braces: { 'max-spaces-inside': 1 },
  comments: { 'min-spaces-from-content': 1 },
}

describe('YAML in deploy', () => {
  it('is in order', async function () {
    const yamllint = requirePeer(this, 'yamllint')
    const files = yamlFiles().map(name => join(DEPLOY, name))
    expect(files.length).to.be.at.least(9)
    const config = JSON.stringify({ extends: 'default', rules: RULES })
    const linter = new Program(yamllint, ['--strict', '--format', 'parsable', '--config-data', config, ...files])
    expect(await linter.exited, linter.output).to.deep.equal({ code: 0, signal: null })
  })
})
