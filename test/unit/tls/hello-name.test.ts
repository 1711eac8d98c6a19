import { once } from 'node:events'
import type { Socket } from 'node:net'
import { Duplex, PassThrough } from 'node:stream'
import { connect } from 'node:tls'
import { expect } from 'chai'
import { HelloName } from '../../../src/tls/hello-name.ts'

describe('the name in the beginning of a handshake', () => {
  it('is read from as many bytes as have come, and nothing is kept once it is not wanted any more', async () => {
    const said = new PassThrough()
    connect({ servername: 'Any.Test', socket: Duplex.from({ readable: new PassThrough(), writable: said }) })
    const [message] = (await once(said, 'data')) as [Buffer]
    const raw = new PassThrough()
    const name = new HelloName(raw as unknown as Socket)
    for (const part of [message.subarray(0, 20), message.subarray(20), Buffer.alloc(32_768)]) raw.emit('data', part)
    expect(raw.listenerCount('data'), 'it has enough').to.equal(0)
    expect(name.read()).to.equal('any.test')
    name.stop()
    expect(name.read()).to.equal(undefined)
  })
})
