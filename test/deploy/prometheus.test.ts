import { join } from 'node:path'
import { expect } from 'chai'
import { requirePeer } from '../helpers/peers.ts'
import { runProgram } from '../helpers/programs.ts'
import { DEPLOY } from './samples.ts'

describe('deploy/prometheus', () => {
  it('has rules that Prometheus takes', async function () {
    const promtool = requirePeer(this, 'promtool')
    const said = await runProgram(promtool, ['check', 'rules', join(DEPLOY, 'prometheus/alerts.yml')])
    expect(said.toString()).to.match(/SUCCESS: \d+ rules found/)
  })
})
