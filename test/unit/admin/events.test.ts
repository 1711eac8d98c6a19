import { PassThrough } from 'node:stream'
import { expect } from 'chai'
import { EventRing } from '../../../src/admin/event-ring.ts'
import { Subscriber } from '../../../src/admin/subscriber.ts'

describe('the ring of events', () => {
  it('keeps the newest, up to so many characters', () => {
    const ring = new EventRing(10)
    expect([ring.first, ring.last, ring.at(1)]).to.deep.equal([1, 0, undefined])
    for (const text of ['aaaa', 'bbbb', 'cc', 'd']) ring.add(text)
    expect([ring.first, ring.last]).to.deep.equal([2, 4])
    expect([1, 2, 3, 4, 5].map(number => ring.at(number))).to.deep.equal([undefined, 'bbbb', 'cc', 'd', undefined])
  })

  it('keeps the newest, whatever its length', () => {
    const ring = new EventRing(10)
    ring.add('a')
    ring.add('b'.repeat(20))
    expect([ring.first, ring.last]).to.deep.equal([2, 2])
    ring.add('c')
    expect([ring.first, ring.last, ring.at(3)]).to.deep.equal([3, 3, 'c'])
  })
})

describe('a subscriber of events', () => {
  const make = (): { ring: EventRing; stream: PassThrough; subscriber: Subscriber } => {
    const ring = new EventRing(100)
    // Holds 8 bytes for its reader, and as many for its writer.
    const stream = new PassThrough({ highWaterMark: 8 })
    return { ring, stream, subscriber: new Subscriber(stream, ring, 1) }
  }
  const tell = (ring: EventRing, subscriber: Subscriber, text: string): void => {
    ring.add(text)
    subscriber.send()
  }

  it('gets what it does not read yet when it reads, and no comments meanwhile', () => {
    const { ring, stream, subscriber } = make()
    for (let number = 0; number < 9; number++) tell(ring, subscriber, `event ${number}\n`)
    subscriber.comment()
    expect(stream.writableLength + stream.readableLength).to.be.at.most(24)
    let text = ''
    stream.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk
      if (text.endsWith('event 8\n')) stream.end()
    })
    return new Promise<void>(resolve => stream.once('end', resolve)).then(() => {
      expect(text).to.equal(Array.from({ length: 9 }, (_, number) => `event ${number}\n`).join(''))
    })
  })

  it('is cut when the ring has lost what it has not read', () => {
    const { ring, stream, subscriber } = make()
    for (let number = 0; number < 12; number++) tell(ring, subscriber, `event ${number % 10}\n`)
    expect(stream.destroyed).to.equal(false)
    tell(ring, subscriber, 'x'.repeat(90))
    expect(stream.destroyed).to.equal(true)
    // Nothing is written to it any more.
    tell(ring, subscriber, 'event\n')
    subscriber.comment()
  })
})
