import { functionName } from '../affinity/key-function.ts'
import { KeyModule } from '../affinity/key-module.ts'
import { FunctionKeySource, type HeadLook, type KeySource } from '../affinity/key-source.ts'
import type { ResolvedCodeRoute, ResolvedPoolRoute, ResolvedRoute } from '../config/resolved.ts'
import { isByCode } from '../config/route.ts'
import { type NativeRouteRules, native, RouteVerdict } from '../native.ts'
import type { SecuredClient } from '../tls/handshake.ts'
import { type RouteConnection, type RouteFunction, readPoolAnswer } from './route-function.ts'

/** A client for whom a pool is chosen. */
export interface RoutedClient {
  /** What functions are told. */
  readonly connection: RouteConnection
  /** 0: it came to none, or nobody asks. */
  readonly port: number
  /** Undefined: its TLS, if it has any, does not end here. */
  readonly secured: SecuredClient | undefined
}

/** Says for which pool a client is: its name, as the bytes of a key, so that the search is the same. */
export type RouteSource = KeySource<RoutedClient>

/** Entries with conditions, one after the other: those that the native core knows. */
class RulesSource implements RouteSource {
  readonly name = 'route'
  readonly rules: NativeRouteRules
  readonly #names: readonly Uint8Array[]

  /** `pools`: names, as their bytes, in the order in which places are given. */
  constructor(entries: readonly ResolvedPoolRoute[], pools: ReadonlyMap<string, Uint8Array>) {
    const places = [...pools.keys()]
    this.#names = [...pools.values()]
    this.rules = new (native().RouteRules)(
      entries.map(({ sni }) => sni ?? ''),
      entries.map(({ alpn }) => alpn ?? ''),
      Uint32Array.from(entries, ({ port }) => port ?? 0),
      Uint32Array.from(entries, ({ pool }) => places.indexOf(pool)),
    )
  }

  begin({ port, secured }: RoutedClient): HeadLook {
    if (secured !== undefined) {
      const name = this.#names[this.rules.chooseFor(secured.sni ?? '', secured.alpn ?? '', port)]
      return { find: () => name }
    }
    let seen: Uint8Array = Buffer.alloc(0)
    return {
      find: head => {
        seen = head
        const place = this.rules.choose(head, false, port)
        return place === RouteVerdict.more ? 'more' : this.#names[place]
      },
      last: () => this.#names[this.rules.choose(seen, true, port)],
    }
  }
}

function functionSource({ by }: ResolvedCodeRoute, pools: ReadonlyMap<string, Uint8Array>): RouteSource {
  const get = (): ((head: Buffer, client: RoutedClient) => unknown) => {
    const choose: RouteFunction = by instanceof KeyModule ? by.function : by
    return (head, { connection }) => choose(head, connection)
  }
  const name = by instanceof KeyModule ? by.text : functionName(by)
  return new FunctionKeySource(name, get, answer => readPoolAnswer(answer, pools))
}

/** The entries of a listener, as they are asked. */
export interface RouteSources {
  /** In their order: of each in turn, until one has an answer. */
  readonly sources: readonly RouteSource[]
  /** All of them, where the native core knows them all, with places in the order of the pools; undefined: code must be asked. */
  readonly rules: NativeRouteRules | undefined
  /** Whether somebody wants to know the port that a client came to. */
  readonly asksForPort: boolean
}

/** `pools`: names of those that the clients of the listener may go to. */
export function routeSourcesOf(route: readonly ResolvedRoute[], pools: readonly string[]): RouteSources {
  const names = new Map(pools.map(name => [name, Buffer.from(name)]))
  const sources: RouteSource[] = []
  let run: ResolvedPoolRoute[] = []
  const endRun = (): void => {
    if (run.length > 0) sources.push(new RulesSource(run, names))
    run = []
  }
  for (const entry of route) {
    if (!isByCode(entry)) {
      run.push(entry)
      continue
    }
    endRun()
    sources.push(functionSource(entry, names))
  }
  endRun()
  const [first, ...others] = sources
  const rules = first instanceof RulesSource && others.length === 0 ? first.rules : undefined
  const asksForPort = sources.some(source => !(source instanceof RulesSource) || source.rules.asksForPort)
  return { sources, rules, asksForPort }
}
