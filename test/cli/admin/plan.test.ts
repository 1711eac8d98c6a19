import { expect } from 'chai'
import type { Plan } from '../../../src/pool/plan.ts'
import { fileOf, limpet, runnable } from '../helpers.ts'
import { AskedProcess } from './asked-process.ts'
import { failure, type Script } from './server.ts'

const PLAN: Plan = {
  homesMoved: 1 / 3,
  sample: 2 ** 20,
  isExact: true,
  pinsMoved: 1200,
  returnHome: 'next-connect',
  sessionsMoved: 3,
  backends: [
    { name: 'b1', before: 1 / 3, after: 0 },
    { name: 'b2', before: 2 / 3, after: 1 },
  ],
  moves: [{ from: 'b1', to: 'b2', share: 1 / 3 }],
}

describe('cli: plan and explain, of the running process', () => {
  const asked = new AskedProcess()

  describe('plan', () => {
    it('asks the running process, and tells what would move', async () => {
      const args = [
        'plan',
        '--remove',
        'b1',
        '--weight',
        'b2=3',
        '--add',
        'b4=[::1]:6379@2',
        '--add',
        'b5=unix:/run/b5',
      ]
      const { status, stdout } = await asked.ask(args, { 'POST /v1/pools/redis/plan': [200, PLAN] })
      expect(status).to.equal(0)
      expect(asked.server.asked.at(-1)?.body).to.deep.equal({
        remove: ['b1'],
        update: { b2: { weight: 3 } },
        add: [
          { name: 'b4', address: '[::1]:6379', weight: 2 },
          { name: 'b5', address: 'unix:/run/b5' },
        ],
      })
      expect(stdout).to.match(/^pool redis: 33\.3 % of the clients get another home\n/)
      expect(stdout)
        .to.match(/b1 +33\.3 % +0\.0 % +-33\.3 %\n/)
        .and.to.match(/b1 +b2 +33\.3 %\n/)
      expect(stdout).to.contain('Exact: ').and.to.contain('1,200 pins and 3 sessions are on backends')
    })

    it('says that it is a sample, or that the process cannot plan', async () => {
      const old = await asked.ask(['plan', '--remove', 'b1'])
      expect(old.status).to.equal(1)
      expect(old.stderr).to.contain('does not know what is asked: another version of limpet')
      const script: Script = { 'POST /v1/pools/redis/plan': [200, { ...PLAN, isExact: false, sample: 33_000 }] }
      expect((await asked.ask(['plan', '--remove', 'b1'], script)).stdout).to.contain('A sample of 33,000 places')
    })

    it('of a file is that of the library, without a process', async () => {
      const file = fileOf(runnable(['127.0.0.1:7001', '127.0.0.1:7002', '127.0.0.1:7003']))
      const { status, stdout } = await limpet(['plan', '-c', file, '--remove', 's1', '--json'])
      expect(status).to.equal(0)
      const found = JSON.parse(stdout) as Plan & { pool: string }
      expect(found).to.include({ pool: 'p', isExact: true, pinsMoved: 0, sessionsMoved: 0 })
      expect(found.homesMoved)
        .to.equal(found.backends[1]?.before)
        .and.to.be.closeTo(1 / 3, 0.01)
      const text = await limpet(['plan', '-c', file, '--add', 's3=127.0.0.1:7004@3'])
      expect(text.stdout)
        .to.match(/^pool p: 50\.\d %/)
        .and.to.contain('knows no pins')
    })

    it('refuses what cannot be', async () => {
      const file = fileOf(runnable(['127.0.0.1:7001']))
      const refusals: [string[], number, RegExp][] = [
        [['plan'], 64, /nothing is to be changed/],
        [['plan', '--weight', 'b1'], 64, /NAME=WEIGHT/],
        [['plan', '--weight', 'b1=1', '--weight', 'b1=2'], 64, /"b1" is there twice/],
        [['plan', '--add', 'b1'], 64, /NAME=ADDRESS/],
        [['plan', '-c', file, '--admin', asked.admin, '--remove', 's0'], 64, /not both/],
        [['plan', '-c', file, '--weight', 's_0=2'], 1, /has no backend "s_0"; did you mean s0\?/],
        [['plan', '-c', file, '--remove', 'x'], 1, /has no backend "x"; there is s0\n/],
        [['plan', '-c', `${file}.not`, '--remove', 'x'], 78, /does not exist/],
      ]
      for (const [args, expected, says] of refusals) {
        const { status, stderr } = await limpet(args)
        expect(stderr).to.match(says)
        expect(status).to.equal(expected)
      }
    })
  })

  describe('explain', () => {
    const explanation = { address: '192.0.2.7', key: '192.0.2.7/32', home: 'b2', order: ['b2', 'b1', 'b3'] }
    const path = 'GET /v1/pools/redis/explain?address=192.0.2.7'

    it('without -c asks the running process, which knows the pin', async () => {
      const next = { backend: 'b1', reason: 'pin', sessions: 28, bound: 54 }
      const pinned = { ...explanation, pin: { backend: 'b1', expiresInMs: 65_000 }, next }
      const { status, stdout } = await asked.ask(['explain', '192.0.2.7'], { [path]: [200, pinned] })
      expect(status).to.equal(0)
      expect(stdout).to.contain('  home   b2\n').and.to.contain('  pin    b1, for 1m 5s more\n  next   b1 (pin)\n')
      expect(stdout)
        .to.match(/ 1 {2}b2 .*drain\n/)
        .and.to.match(/ 3 {2}b3 .*down\n/)
      const inUse = await asked.ask(['explain', '192.0.2.7'], {
        [path]: [200, { ...explanation, pin: { backend: 'b1' } }],
      })
      expect(inUse.stdout).to.contain('  pin    b1, while its session lives\n')
      const record = await asked.ask(['explain', '--json', '192.0.2.7'], { [path]: [200, explanation] })
      expect(JSON.parse(record.stdout)).to.deep.equal({
        ...explanation,
        pool: 'redis',
        digest: '194b5782611edaef',
        pin: null,
        next: null,
      })
      const withNext = await asked.ask(['explain', '--json', '192.0.2.7'], { [path]: [200, pinned] })
      expect(JSON.parse(withNext.stdout).next).to.deep.equal(next)
    })

    it('answers the others when some are malformed, and exits with 65', async () => {
      const bad = [400, failure('LIMPET_ERR_BAD_ADDRESS', 'no')] as const
      const script: Script = { [path]: [200, explanation], 'GET /v1/pools/redis/explain?address=x%2F8': bad }
      const { status, stdout, stderr } = await asked.ask(['explain', 'x/8', '192.0.2.7'], script)
      expect(status).to.equal(65)
      expect(stdout).to.contain('  home   b2\n')
      expect(stderr).to.contain('"x/8" is not an IP address')
    })
  })
})
