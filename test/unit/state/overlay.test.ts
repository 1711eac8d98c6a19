import { expect } from 'chai'
import fc from 'fast-check'
import type { BackendOptions } from '../../../src/config/options.ts'
import { resolveBackend } from '../../../src/config/resolve.ts'
import type { ResolvedBackend } from '../../../src/config/resolved.ts'
import { settingsOf } from '../../../src/pool/pool.ts'
import { overlayOf, withOverlay } from '../../../src/state/overlay.ts'

const options = fc.record({
  name: fc.constantFrom('a', 'b', 'c', 'd', 'constructor', 'toString'),
  address: fc.constantFrom('127.0.0.1:1', '[::1]:2', 'unix:/s', 'host.example:3'),
  weight: fc.nat(3),
  maxSessions: fc.nat(2),
  backup: fc.boolean(),
  state: fc.constantFrom('ready', 'drain', 'drain-hard', 'maint'),
}) as fc.Arbitrary<BackendOptions>
const backends = fc
  .uniqueArray(options, { selector: ({ name }) => name })
  .map(all => all.map(backend => resolveBackend(backend)))

const told = (all: readonly ResolvedBackend[]): Map<string, unknown> =>
  new Map(all.map(backend => [backend.name, settingsOf(backend)]))

describe('what differs from the configuration', () => {
  it('makes the backends what they were, through a file', () => {
    fc.assert(
      fc.property(backends, backends, (configured, current) => {
        const overlay = overlayOf(configured, current)
        const read = overlay && JSON.parse(JSON.stringify(overlay))
        const { backends: again, ignored } = read
          ? withOverlay(configured, read)
          : { backends: configured, ignored: [] }
        expect(told(again)).to.deep.equal(told(current))
        expect(ignored).to.deep.equal([])
      }),
    )
  })

  it('is nothing where there is no difference, in whatever order', () => {
    fc.assert(
      fc.property(backends, all => {
        expect(overlayOf(all, [...all].reverse())).to.equal(undefined)
      }),
    )
  })

  it('has what is different only, in the words of the configuration', () => {
    const [a, b, c] = ['a', 'b', 'c'].map(name => resolveBackend({ name, address: '127.0.0.1:1' })) as [
      ResolvedBackend,
      ResolvedBackend,
      ResolvedBackend,
    ]
    expect(overlayOf([a, b], [{ ...b, state: 'drain' }, c])).to.deep.equal({
      added: [{ name: 'c', address: '127.0.0.1:1', weight: 1, maxSessions: 0, backup: false, state: 'ready' }],
      changed: { b: { state: 'drain' } },
      removed: ['a'],
    })
  })

  it('leaves out what does not fit another configuration any more', () => {
    const [a, b] = ['a', 'b'].map(name => resolveBackend({ name, address: '127.0.0.1:1', weight: 5 })) as [
      ResolvedBackend,
      ResolvedBackend,
    ]
    const overlay = {
      added: [{ name: 'b', address: '127.0.0.1:9' }],
      changed: { gone: { weight: 2 }, a: { state: 'maint' as const } },
      removed: ['gone before'],
    }
    const { backends: all, ignored } = withOverlay([a, b], overlay)
    expect(all).to.deep.equal([{ ...a, state: 'maint' }, b])
    expect(ignored).to.deep.equal([
      'gone was changed, and is not in the configuration any more',
      'b was added, and is in the configuration now',
    ])
  })
})
