import { createHash } from 'node:crypto'
import type { StoreLink } from '../../../src/cluster/store/link.ts'
import { END, INCARNATION, PUT, READ, type StoreScript } from '../../../src/cluster/store/scripts.ts'

type Entry = [id: string, fields: string[]]

/** A store in memory, which keeps no time, and does what a test wants of it. */
export class FakeStore {
  readonly pins = new Map<string, { backend: string; ttlMs: number }>()
  readonly stream: Entry[] = []
  /** Those that need not be sent. */
  readonly knownScripts = new Set<StoreScript>()
  incarnation: string | undefined
  /** Commands since the test looked last, by what they were. */
  commands: string[] = []
  /** Called before each command; what it throws is the answer. */
  before: (command: readonly string[]) => void = () => undefined
  #entries = 0

  /** A connection of its own. */
  connect(): FakeLink {
    return new FakeLink(this)
  }

  tell(by: string, pool: string, key: string, backend: string, ttlMs: number): void {
    this.stream.push([
      `1-${++this.#entries}`,
      ['by', by, 'pool', pool, 'key', key, 'backend', backend, 'ttl', String(ttlMs)],
    ])
  }

  answer(command: readonly string[]): unknown {
    this.before(command)
    const [name = '', ...args] = this.#known(command)
    if (name === 'EVALSHA') throw new Error('NOSCRIPT there is none')
    this.commands.push(name === 'EVAL' ? scriptName(args[0]) : name)
    switch (name) {
      case 'EVAL': {
        const count = Number(args[1])
        return this.#run(args[0] ?? '', args.slice(2, 2 + count), args.slice(2 + count))
      }
      case 'XREVRANGE':
        return this.stream.slice(-1)
      case 'XRANGE':
        return this.stream.slice(0, 1)
      case 'XLEN':
        return this.stream.length
      case 'XREAD': {
        const after = Number((args[4] ?? '').split('-')[1])
        const found = this.stream.filter(([id]) => Number(id.split('-')[1]) > after).slice(0, Number(args[1]))
        return found.length === 0 ? null : [[args[3], found]]
      }
      default:
        throw new Error(`ERR unknown command ${name}`)
    }
  }

  #known(command: readonly string[]): readonly string[] {
    const [name, digest, ...rest] = command
    const known = [...this.knownScripts].find(({ lua }) => createHash('sha1').update(lua).digest('hex') === digest)
    return name === 'EVALSHA' && known !== undefined ? ['EVAL', known.lua, ...rest] : command
  }

  #run(lua: string, [pin = '', ...others]: string[], values: string[]): unknown {
    const held = this.pins.get(pin)
    switch (lua) {
      case PUT.lua: {
        const [by = '', backend = '', ttl, before, pool = '', key = ''] = values
        if (held !== undefined && held.backend !== backend && held.backend !== before) return [held.backend, held.ttlMs]
        this.pins.set(pin, { backend, ttlMs: Number(ttl) })
        this.tell(by, pool, key, backend, Number(ttl))
        return [backend, Number(ttl)]
      }
      case END.lua: {
        const [by = '', backend = '', pool = '', key = ''] = values
        if (held?.backend !== backend) return 0
        this.pins.delete(pin)
        this.tell(by, pool, key, backend, 0)
        return 1
      }
      case READ.lua:
        return [pin, ...others].map(key => {
          const found = this.pins.get(key)
          return found === undefined ? [null, 0] : [found.backend, found.ttlMs]
        })
      case INCARNATION.lua:
        this.incarnation ??= values[0]
        return this.incarnation
      default:
        throw new Error('ERR unknown script')
    }
  }
}

const scriptName = (lua = ''): string =>
  Object.entries({ PUT, END, READ, INCARNATION }).find(([, script]) => script.lua === lua)?.[0] ?? '?'

class FakeLink implements StoreLink {
  readonly shards = 1
  isOpen = true
  readonly #store: FakeStore

  constructor(store: FakeStore) {
    this.#store = store
  }

  async call(_: string, command: readonly string[]): Promise<unknown> {
    await Promise.resolve()
    if (!this.isOpen) throw new Error('lost')
    return this.#store.answer(command)
  }

  async *scan(): AsyncGenerator<string[]> {
    yield [...this.#store.pins.keys()]
  }

  close(): void {
    this.isOpen = false
  }
}
