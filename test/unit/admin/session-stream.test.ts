import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { expect } from 'chai'
import { LIMITS } from '../../../src/admin/limits.ts'
import { SessionStream } from '../../../src/admin/session-stream.ts'
import { type SessionClosed, SessionFeed } from '../../../src/relay/session-feed.ts'

/** An answer of which somebody decides how much of it was read. */
class Answer extends EventEmitter {
  readonly events: string[] = []
  writableLength = 0

  writeHead(): this {
    return this
  }

  write(text: string): void {
    this.events.push(text.split('\n')[0]?.slice('event: '.length) ?? '')
  }

  end(): void {
    this.emit('close')
  }
}

const ended = (backend: string): SessionClosed => ({ pool: 'p', backend, listener: 'l' }) as SessionClosed

describe('the stream of sessions that end', () => {
  function open(choice: object = {}) {
    const feed = new SessionFeed(undefined)
    const stream = new SessionStream(feed)
    const answer = new Answer()
    stream.subscribe(answer as never as ServerResponse, { share: 1, ...choice } as never)
    return { feed, stream, answer }
  }

  it('wants sessions as long as somebody reads', () => {
    const { feed, stream, answer } = open()
    expect(feed.wanted).to.equal(true)
    answer.emit('close')
    expect(feed.wanted).to.equal(false)
    stream.subscribe(new Answer() as never, { share: 1 } as never)
    expect(feed.wanted).to.equal(true)
    stream.close()
    expect(feed.wanted).to.equal(false)
  })

  it('leaves out what is not read in time, and says how much that was', () => {
    const { feed, stream, answer } = open()
    feed.closed(ended('a'))
    answer.writableLength = LIMITS.eventBacklog + 1
    for (let n = 0; n < 100; n++) feed.closed(ended('a'))
    expect(answer.events).to.deep.equal(['hello', 'session'])
    answer.writableLength = 0
    feed.closed(ended('a'))
    expect(answer.events).to.deep.equal(['hello', 'session', 'leftOut', 'session'])
    stream.close()
  })

  it('tells of those that were chosen', () => {
    const { feed, stream, answer } = open({ backend: 'b', share: 0.5 })
    for (let n = 0; n < 1000; n++) {
      feed.closed(ended('a'))
      feed.closed(ended('b'))
    }
    expect(answer.events.length).to.be.within(350, 650)
    stream.close()
  })
})
