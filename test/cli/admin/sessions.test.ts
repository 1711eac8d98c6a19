import { expect } from 'chai'
import type { ClosingInfo } from '../../../src/sessions/closings.ts'
import { AskedProcess, since } from './asked-process.ts'
import { failure, type Script } from './server.ts'

const CLOSING: ClosingInfo = {
  id: '3',
  cause: 'asked',
  backend: 'b2',
  state: 'running',
  since,
  total: 400,
  closed: 120,
  remainingMs: 6000,
}

describe('cli: sessions, of the running process', () => {
  const asked = new AskedProcess()

  describe('sessions', () => {
    const none: Script = { 'GET /v1/sessions?backend=b1': [200, { sessions: [], more: false }] }

    it('list says of a backend that is not there that it is not', async () => {
      expect(await asked.ask(['sessions', 'list', '--backend', 'b1'], none)).to.deep.equal({
        status: 0,
        stdout: 'no sessions\n',
        stderr: '',
      })
      const script: Script = { 'GET /v1/sessions?backend=b-1': [200, { sessions: [], more: false }] }
      expect(await asked.ask(['sessions', 'list', '--backend', 'b-1'], script)).to.deep.equal({
        status: 0,
        stdout: 'no sessions\n',
        stderr: 'there is no backend "b-1" now; did you mean b1?\n',
      })
    })

    it('close goes on after one that has ended, and tells it', async () => {
      const gone = failure('LIMPET_ERR_UNKNOWN_SESSION', 'there is no session "2"')
      const script: Script = {
        'DELETE /v1/sessions/1': [204],
        'DELETE /v1/sessions/2': [404, gone],
        'DELETE /v1/sessions/3': [204],
      }
      expect(await asked.ask(['sessions', 'close', '1', '2', '3'], script)).to.deep.equal({
        status: 1,
        stdout: 'closed: 2 sessions; not there, or not any more: 2\n',
        stderr: '',
      })
      const { status, stdout } = await asked.ask(['sessions', 'close', '1', '3', '--json'], script)
      expect([status, JSON.parse(stdout)]).to.deep.equal([0, { closed: ['1', '3'], unknown: [] }])
    })

    it('close at a pace waits for the end, and tells how far it came', async () => {
      const script: Script = {
        'POST /v1/closings': [202, CLOSING],
        'GET /v1/closings/3': [200, { ...CLOSING, state: 'done', closed: 400, remainingMs: 0 }],
      }
      const paced = ['sessions', 'close', '--backend', 'b2', '--per-second', '50', '--deadline', '30s']
      expect(await asked.ask(paced, script)).to.deep.equal({
        status: 0,
        stdout: 'closing 3: 400 of 400 sessions of backend b2\n',
        stderr: '',
      })
      expect(asked.server.asked.find(({ method }) => method === 'POST')?.body).to.deep.equal({
        backend: 'b2',
        perSecond: 50,
        deadline: '30s',
      })
      expect(await asked.ask([...paced, '--no-wait'], script)).to.deep.include({
        stdout: 'closing 3: 120 of 400 sessions of backend b2, 6s left\n',
      })
      const { status, stdout } = await asked.ask([...paced, '--json'], {
        ...script,
        'GET /v1/closings/3': [200, { ...CLOSING, state: 'stopped' }],
      })
      expect([status, JSON.parse(stdout)]).to.deep.equal([1, { ...CLOSING, state: 'stopped' }])
    })

    it('close wants ids, or whose sessions', async () => {
      for (const words of [
        [],
        ['--per-second', '5'],
        ['1', '--backend', 'b2'],
        ['1', '--no-wait'],
        ['--backend', 'b2', '--deadline', '30'],
      ])
        expect(await asked.ask(['sessions', 'close', ...words], {}), words.join(' ')).to.include({ status: 64 })
    })

    it('closings lists them, and stop ends one', async () => {
      const script: Script = {
        'GET /v1/closings': [200, { closings: [CLOSING, { ...CLOSING, id: '4', cause: 'down', state: 'done' }] }],
        'DELETE /v1/closings/3': [200, { ...CLOSING, state: 'stopped' }],
        'DELETE /v1/closings/9': [404, failure('LIMPET_ERR_UNKNOWN_CLOSING', 'there is no closing "9"')],
      }
      expect(await asked.ask(['sessions', 'closings'], script)).to.deep.equal({
        status: 0,
        stdout: [
          '  ID  SESSIONS OF  CAUSE  STATE    CLOSED   OF  LEFT',
          '  3   backend b2   asked  running     120  400    6s',
          '  4   backend b2   down   done        120  400     -',
          '',
        ].join('\n'),
        stderr: '',
      })
      expect(await asked.ask(['sessions', 'stop', '3'], script)).to.deep.include({
        status: 0,
        stdout: 'closing 3: 120 of 400 sessions of backend b2, stopped\n',
      })
      expect(await asked.ask(['sessions', 'stop', '9'], script)).to.deep.include({ status: 1, stdout: '' })
    })
  })
})
