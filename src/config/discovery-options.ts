import type { BackendHealthOptions, Duration } from './options.ts'

/** Which records are asked for. */
export type DnsType = 'A' | 'AAAA' | 'SRV'

/** What the name of a backend that was found is made of. */
export type DiscoveryIdentity = 'address' | 'name'

/** Backends that are found and not listed; what of them no source says is said here for all of them. */
export interface FoundBackendOptions {
  /**
   * An answer with fewer backends than this is not believed, and those before stay; 1 to 10,000.
   * @defaultValue 1
   */
  minBackends?: number | undefined
  /**
   * How long `listen()` waits for the first answer, up to 5 minutes; then it starts with the backends that were kept, or none.
   * @defaultValue '5s'
   */
  startTimeout?: Duration | undefined
  /** The share of each backend; absent: what the source says, otherwise 1. */
  weight?: number | undefined
  /**
   * Most sessions on each backend at one time; 0: no limit of its own.
   * @defaultValue 0
   */
  maxSessions?: number | undefined
  /** What is different in the checks of these backends. */
  health?: BackendHealthOptions | 'pool' | 'off' | false | undefined
}

/** Backends that DNS knows. */
export interface DnsDiscoveryOptions extends FoundBackendOptions {
  /** The name that is asked for, or up to 100 of them; complete, since search domains and hosts files do not count. */
  dns: string | string[]
  /**
   * Which records are asked for.
   * @defaultValue 'A'
   */
  type?: DnsType | undefined
  /** The port of every backend; SRV records have their own. */
  port?: number | undefined
  /**
   * What the names of backends are made of, and so what pins and homes hold on to: `address`, or `name`: the target of an SRV
   * record with its port; of A and AAAA records the name that was asked for, which is one backend then.
   * @defaultValue `name` for SRV, otherwise `address`
   */
  identity?: DiscoveryIdentity | undefined
  /** When it is asked again: when the answer expires (TTL), but within these bounds. */
  refresh?: { min?: Duration | undefined; max?: Duration | undefined } | undefined
  /**
   * Per cent of that time by which it is asked later, at random; 0 to 100.
   * @defaultValue 10
   */
  jitter?: number | undefined
  /**
   * How long one server is waited for, 10 ms to 1 minute.
   * @defaultValue '2s'
   */
  timeout?: Duration | undefined
  /** Up to 8 servers, as IP addresses with or without a port; default: those of the system. */
  resolvers?: string[] | undefined
}

/** Backends that are listed in a file of their own, in YAML or JSON, which is looked at every second. */
export interface FileDiscoveryOptions extends FoundBackendOptions {
  /** The file, relative to the configuration file. */
  file: string
}

/** What a program would print: refused, since Limpet starts none. Let it write a file. */
export interface CommandDiscoveryOptions {
  /** There is no value that is accepted. */
  command: never
}

/** Where the backends of a pool come from. */
export type DiscoveryOptions = DnsDiscoveryOptions | FileDiscoveryOptions | CommandDiscoveryOptions
