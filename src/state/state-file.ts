import { constants } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { backendChangesSchema, backendSchema, LIMITS } from '../config/schema.ts'
import { LimpetError } from '../errors.ts'
import type { Log } from '../log/log.ts'
import { type Attempt, FileLock, lockedError } from './file-lock.ts'
import type { PoolOverlay } from './overlay.ts'

/** What was changed while the balancer ran, by the name of the pool; pools without a change are not in it. */
export type SavedState = Record<string, PoolOverlay>

const FORMAT = 1
/** When what could not be written is tried again; also a disk that was full has room some time. */
const AGAIN_MS = 5000
/** More than every pool full of backends would need is not read. */
const MOST_BYTES = 64 * 2 ** 20
const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants

// Checked here, and resolved where they are put on the configuration: this file has them as they are written there.
const overlaySchema = z.strictObject({
  added: z.array(backendSchema).max(LIMITS.backends),
  changed: z.record(z.string(), backendChangesSchema),
  removed: z.array(z.string()).max(LIMITS.backends),
})
const poolsSchema = z.record(z.string(), overlaySchema)
const fileSchema = z.strictObject({ format: z.literal(FORMAT), pools: poolsSchema })

/**
 * The file of `state`: changes of backends that were made while the balancer ran, for the next start. It is written as a
 * whole beside its place and then renamed, so that a crash leaves the one before.
 */
export class StateFile {
  readonly #path: string
  readonly #log: Log
  readonly #collect: () => SavedState
  #isChanged = false
  #isWorking = false
  #working: Promise<void> = Promise.resolve()
  #isFailing = false
  #again: NodeJS.Timeout | undefined
  #lock: FileLock | undefined

  /** @param collect - gives what is to be saved; called when it is written, however many changes there were before */
  constructor(path: string, log: Log, collect: () => SavedState) {
    this.#path = path
    this.#log = log
    this.#collect = collect
  }

  /**
   * From now on nobody else writes it. Idempotent.
   *
   * @throws {@link LimpetError} `LIMPET_ERR_STATE_LOCKED`: another balancer does; `LIMPET_ERR_STATE_FILE`: it cannot be
   *   locked
   */
  lock(): void {
    if (this.#lock !== undefined) return
    const attempt = this.#attempt()
    if (attempt === 'unlockable')
      this.#log.warn({ file: this.#path }, 'this file system has no locks: nobody else may use the state file')
    else if ('owner' in attempt) throw lockedError(this.#path, attempt.owner)
    else this.#lock = attempt.lock
  }

  /** Others may use it. Idempotent. */
  unlock(): void {
    clearTimeout(this.#again)
    try {
      this.#lock?.release()
    } catch (error) {
      // The lock is gone with its descriptor; a file that is left behind harms nobody.
      this.#log.warn({ file: this.#path, error: (error as Error).message }, 'the lock of the state file is left behind')
    }
    this.#lock = undefined
  }

  /**
   * What was saved; nothing if there is no file yet. A file that is damaged, or of a newer version, is renamed and told in
   * the log: without it the configuration alone holds, and somebody may want to look into it.
   *
   * @throws {@link LimpetError} `LIMPET_ERR_STATE_FILE`: it cannot be read
   */
  async read(): Promise<SavedState> {
    const text = await this.#text()
    if (text === undefined) return {}
    try {
      return parse(text)
    } catch (error) {
      const isNewer = error instanceof NewerFormat
      const aside = `${this.#path}.${isNewer ? `format-${error.format}` : 'damaged'}`
      await rename(this.#path, aside).catch(cause => this.#fail('set aside', cause))
      this.#log.error(
        { file: this.#path, aside, error: (error as Error).message },
        isNewer ? 'the state file is of a newer limpet: it is set aside' : 'the state file is damaged: it is set aside',
      )
      return {}
    }
  }

  /**
   * Writes it now: whether that is possible should be known at the start.
   *
   * @throws {@link LimpetError} `LIMPET_ERR_STATE_FILE`
   */
  async write(): Promise<void> {
    await this.#save().catch(cause => this.#fail('written', cause))
  }

  /**
   * Something was changed: it is written in a moment. What goes wrong then is told in the log, once, and tried again every few
   * seconds until {@link StateFile.unlock}.
   */
  changed(): void {
    this.#isChanged = true
    if (this.#isWorking) return
    this.#isWorking = true
    // Many changes are often made at one go.
    this.#working = new Promise<void>(resolve => setImmediate(resolve)).then(() => this.#work())
  }

  /** Waits until everything that was changed is written, or could not be. */
  async settled(): Promise<void> {
    await this.#working
  }

  async #work(): Promise<void> {
    while (this.#isChanged) {
      this.#isChanged = false
      try {
        await this.#save()
        if (this.#isFailing) this.#log.info({ file: this.#path }, 'the state file is written again')
        this.#isFailing = false
      } catch (error) {
        if (!this.#isFailing) {
          this.#log.error(
            { file: this.#path, error: (error as Error).message },
            'the state file cannot be written: a restart would forget what was changed',
          )
        }
        this.#isFailing = true
      }
    }
    this.#isWorking = false
    clearTimeout(this.#again)
    this.#again = this.#isFailing ? setTimeout(() => this.changed(), AGAIN_MS).unref() : undefined
  }

  #attempt(): Attempt {
    try {
      return FileLock.take(`${this.#path}.lock`)
    } catch (error) {
      return this.#fail('locked', error)
    }
  }

  async #text(): Promise<string | undefined> {
    try {
      // A FIFO could keep the process waiting for ever.
      await using file = await open(this.#path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
      const stats = await file.stat()
      if (!stats.isFile()) throw new Error('it is no regular file')
      const { size } = stats
      return size > MOST_BYTES ? '' : await file.readFile('utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      return this.#fail('read', error)
    }
  }

  async #save(): Promise<void> {
    const beside = `${this.#path}.new`
    // A crash may have left it behind; or it is something that somebody else made.
    await rm(beside, { force: true })
    {
      // Addresses of servers are nobody else's business.
      await using file = await open(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
      await file.writeFile(`${JSON.stringify({ format: FORMAT, pools: this.#collect() }, undefined, 2)}\n`)
      await file.sync()
    }
    await rename(beside, this.#path)
    // The new name is on the disk only when its directory is.
    await using directory = await open(dirname(this.#path), O_RDONLY)
    await directory.sync()
  }

  #fail(what: string, cause: unknown): never {
    throw new LimpetError(
      'LIMPET_ERR_STATE_FILE',
      `the state file ${this.#path} cannot be ${what}: ${(cause as Error).message}`,
      { cause, path: this.#path },
    )
  }
}

class NewerFormat extends Error {
  readonly format: number

  constructor(format: number) {
    super(`its format is ${format}, and this limpet knows ${FORMAT}`)
    this.format = format
  }
}

/** Throws an error for people if it is no such file. */
function parse(text: string): SavedState {
  const raw: unknown = JSON.parse(text)
  const format = (raw as { format?: unknown } | null)?.format
  if (Number.isSafeInteger(format) && (format as number) > FORMAT) throw new NewerFormat(format as number)
  assertFits(fileSchema, raw)
  return (raw as { pools: SavedState }).pools
}

/** Throws an error for people if it is no saved state. */
export function savedStateOf(raw: unknown): SavedState {
  assertFits(poolsSchema, raw)
  return raw as SavedState
}

/** Throws an error for people if it is not what was changed of one pool. */
export function poolOverlayOf(raw: unknown): PoolOverlay {
  assertFits(overlaySchema, raw)
  return raw as PoolOverlay
}

function assertFits(schema: z.ZodType, raw: unknown): void {
  const { error } = schema.safeParse(raw)
  if (error === undefined) return
  const [issue] = error.issues
  throw new Error(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a saved state'}`)
}
