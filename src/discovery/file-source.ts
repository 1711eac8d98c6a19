import { stat } from 'node:fs/promises'
import { parseBackends } from '../config/backend-list.ts'
import type { ResolvedFileDiscovery } from '../config/discovery.ts'
import { readSmallFile } from '../config/small-file.ts'
import { MOST_CONFIG_BYTES } from '../config/yaml.ts'
import { LimpetConfigError } from '../errors.ts'
import { DiscoveryFailure } from './failure.ts'
import type { DiscoverySource, Found, KnownAddresses } from './found.ts'

/** How often the file is looked at. */
export const FILE_EVERY_MS = 1000

/**
 * Backends that a file lists. It is looked at by its path, so that one that is renamed over it, and a link that leads elsewhere,
 * are seen; and read when it has looked the same two times in a row, since not everybody writes it in one step.
 */
export class FileSource implements DiscoverySource {
  readonly #settings: ResolvedFileDiscovery
  /** What it looked like the last time. */
  #seen: string | undefined
  /** What it looked like when it was read, and what that brought. */
  #read: { looks: string; found: Found | DiscoveryFailure } | undefined

  constructor(settings: ResolvedFileDiscovery) {
    this.#settings = settings
  }

  async look(_: KnownAddresses, _signal: AbortSignal, isUrgent: boolean): Promise<Found> {
    const looks = await this.#looks()
    const isStill = looks === this.#seen
    this.#seen = looks
    if (this.#read === undefined || (looks !== this.#read.looks && (isStill || isUrgent)))
      this.#read = { looks, found: this.#readNow() }
    const { found } = this.#read
    if (found instanceof DiscoveryFailure) throw found
    return found
  }

  async #looks(): Promise<string> {
    try {
      const { dev, ino, size, mtimeNs, ctimeNs } = await stat(this.#settings.file, { bigint: true })
      return [dev, ino, size, mtimeNs, ctimeNs].join()
    } catch (error) {
      throw unreadable(error)
    }
  }

  #readNow(): Found | DiscoveryFailure {
    const { file } = this.#settings
    try {
      // One byte more tells that there is more.
      const read = readSmallFile(file, MOST_CONFIG_BYTES + 1)
      if (read === undefined) return new DiscoveryFailure('unreadable', `${file} is no file`)
      const backends = parseBackends(read.bytes, file, this.#settings)
      return { backends, ttlMs: FILE_EVERY_MS, troubles: [] }
    } catch (error) {
      return error instanceof LimpetConfigError ? malformed(error) : unreadable(error)
    }
  }
}

function malformed(error: LimpetConfigError): DiscoveryFailure {
  const [first] = error.problems
  const more = error.problems.length > 1 ? `, and ${error.problems.length - 1} more` : ''
  const place = first?.line === undefined ? '' : `:${first.line}:${first.column ?? 1}`
  const path = first?.path ? ` ${first.path}:` : ''
  return new DiscoveryFailure('malformed', `${first?.file ?? ''}${place}:${path} ${first?.message ?? ''}${more}`, error)
}

function unreadable(error: unknown): DiscoveryFailure {
  return new DiscoveryFailure('unreadable', `the file cannot be read: ${(error as Error).message}`, error)
}
