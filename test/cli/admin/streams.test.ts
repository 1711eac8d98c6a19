import { expect } from 'chai'
import { AskedProcess } from './asked-process.ts'
import type { Script } from './server.ts'

describe('cli: events and log, of the running process', () => {
  const asked = new AskedProcess()

  describe('events', () => {
    it('prints a line for each, until the process stops', async () => {
      const parts = [
        'event: hello\nid: 1\ndata: {"generation":7}\n\n: still here\n\nevent: backendDo',
        'wn\r\nid: 2\r\ndata: {"pool":"redis",\ndata: "name":"b\\u001b1"}\r\n\r',
        '\n',
      ]
      const script: Script = {
        'GET /v1/events': response => {
          response.writeHead(200, { 'content-type': 'text/event-stream' })
          for (const part of parts) response.write(part)
          response.end()
        },
      }
      const { status, stdout, stderr } = await asked.ask(['events', '--json', '--no-retry'], script)
      expect(
        stdout
          .trimEnd()
          .split('\n')
          .map(line => JSON.parse(line)),
      ).to.deep.equal([
        { event: 'hello', id: '1', data: { generation: 7 } },
        { event: 'backendDown', id: '2', data: { pool: 'redis', name: 'b\u001b1' } },
      ])
      expect({ status, stderr }).to.deep.equal({
        status: 69,
        stderr: `limpet: ${asked.admin} has ended the events: limpet was stopped\n`,
      })
      const text = await asked.ask(['events', '--no-retry'], script)
      expect(text.stdout).to.match(/Z {2}hello {2}generation=7\n.*Z {2}backendDown {2}pool=redis {2}name=b\\u001b1\n$/)
    })

    it('goes on after the last event when the stream breaks, until nobody is there', async () => {
      const lastIds: unknown[] = []
      const script: Script = {
        'GET /v1/events': response => {
          lastIds.push(response.req.headers['last-event-id'])
          const at = lastIds.length
          if (at === 3) {
            response.writeHead(401, { 'content-type': 'application/json' }).end('{}')
            return
          }
          response.writeHead(200, { 'content-type': 'text/event-stream' })
          response.write(`event: reloaded\nid: 0a-${at}\ndata: {"generation":${at}}\n\n`, () => response.destroy())
        },
      }
      const { status, stdout, stderr } = await asked.ask(['events', '--json'], script)
      expect(lastIds).to.deep.equal([undefined, '0a-1', '0a-2'])
      expect(stdout.match(/"0a-\d"/g)).to.deep.equal(['"0a-1"', '"0a-2"'])
      expect(status).to.equal(77)
      expect(stderr).to.contain('the events have ended; trying to go on after the last one\n')
    })
  })

  describe('log', () => {
    it('prints a line for each session that ended, and how many it missed', async () => {
      const session = {
        ...{
          id: '513',
          time: 0,
          relay: 'native',
          listener: 'l',
          pool: 'redis',
          clientAddress: '2001:db8::7',
          clientPort: 9,
        },
        ...{ backend: 'b\u001b1', reason: 'pin', connectMs: 0.2, cause: 'endFinished' },
        ...{ bytesToBackend: 12, bytesToClient: 3_400_000, durationMs: 1234 },
      }
      const event = (name: string, data: object): string => `event: ${name}\nid: 1\ndata: ${JSON.stringify(data)}\n\n`
      const script: Script = {
        'GET /v1/log?pool=redis&share=0.5': response => {
          response.writeHead(200, { 'content-type': 'text/event-stream' })
          response.end(event('hello', {}) + event('session', session) + event('leftOut', { sessions: 7 }))
        },
      }
      const args = ['log', '--pool', 'redis', '--share', '0.5']
      const { status, stdout, stderr } = await asked.ask(args, script)
      expect(stdout).to.equal(
        '1970-01-01T00:00:00.000Z  [2001:db8::7]:9  b\\u001b1 (pin)  endFinished  12 B to backend, 3.4 MB to client  1.234 s, connect 0.2 ms\n',
      )
      expect(status).to.equal(69)
      expect(stderr).to.match(/^7 sessions left out: .*\nlimpet: .* has ended the log: limpet was stopped\n$/)
      expect(JSON.parse((await asked.ask([...args, '--json'], script)).stdout)).to.deep.equal(session)
    })
  })
})
