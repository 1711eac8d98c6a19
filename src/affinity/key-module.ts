import { stat } from 'node:fs/promises'
import { extname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { LimpetError } from '../errors.ts'
import type { KeyFunction } from './key-function.ts'

/** A module that does not come to its end would hold up the start for ever. */
const LOAD_MS = 10_000
const EXTENSIONS = ['.js', '.mjs', '.ts']

/** Why a module cannot be used: the end of a sentence. */
export interface ModuleRefusal {
  message: string
  accepted: string
  cause?: unknown
}

/** A function for keys, or for routes, in a file of its own, named as `PATH#EXPORT`. */
export class KeyModule<Made = KeyFunction> {
  /** As it was written. */
  readonly text: string
  /** Absolute. */
  readonly path: string
  readonly exportName: string
  #function: Made | undefined

  constructor(text: string, path: string, exportName: string) {
    this.text = text
    this.path = path
    this.exportName = exportName
  }

  /** @throws {@link LimpetError} `LIMPET_ERR_INVALID_STATE`: it is not loaded */
  get function(): Made {
    if (this.#function !== undefined) return this.#function
    throw new LimpetError('LIMPET_ERR_INVALID_STATE', `the module ${this.text} is not loaded`)
  }

  /** Loads it once; undefined: it is there. Code of it runs: whoever may write the file may do what this process may. */
  async load(): Promise<ModuleRefusal | undefined> {
    if (this.#function !== undefined) return undefined
    const refusal = await refusalOf(this.path)
    if (refusal !== undefined) return refusal
    let names: Record<string, unknown>
    try {
      names = await within(import(pathToFileURL(this.path).href) as Promise<Record<string, unknown>>)
    } catch (cause) {
      const message = `the module cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}`
      return { message, accepted: 'a module that loads without an error', cause }
    }
    return this.#take(names)
  }

  #take(names: Record<string, unknown>): ModuleRefusal | undefined {
    const { exportName } = this
    const accepted = 'the name of a function that the module exports'
    if (!Object.hasOwn(names, exportName)) {
      const known = Object.keys(names).slice(0, 10).join(', ') || 'nothing'
      return { message: `the module exports no ${exportName}, but ${known}`, accepted }
    }
    const found = names[exportName]
    if (typeof found !== 'function') return { message: `${exportName} of the module is no function`, accepted }
    this.#function = found as Made
    return undefined
  }
}

/** `PATH#EXPORT`; undefined: it is none. A path may have a `#` itself. */
export function splitModuleText(text: string): { file: string; exportName: string } | undefined {
  const at = text.lastIndexOf('#')
  const [file, exportName] = [text.slice(0, Math.max(0, at)), text.slice(at + 1)]
  return file === '' || exportName === '' || file.includes('\0') ? undefined : { file, exportName }
}

export function isModuleFile(file: string): boolean {
  return EXTENSIONS.includes(extname(file))
}

/** What is to be said before anything of it runs. */
async function refusalOf(path: string): Promise<ModuleRefusal | undefined> {
  if (extname(path) === '.ts' && !stripsTypes()) {
    const message = `this Node (${process.version}) does not run TypeScript`
    return { message, accepted: 'a .js or .mjs file; or Node 22.18 or newer' }
  }
  try {
    if ((await stat(path)).isFile()) return undefined
    return { message: `${path} is no file`, accepted: 'the path of a module' }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const message = code === 'ENOENT' ? `there is no file ${path}` : `the file ${path} cannot be read (${code})`
    return { message, accepted: 'the path of a module, relative to the configuration file', cause }
  }
}

function stripsTypes(): boolean {
  return Boolean((process.features as { typescript?: false | 'strip' | 'transform' }).typescript)
}

async function within<T>(loading: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it took longer than ${LOAD_MS / 1000} s`)), LOAD_MS)
  })
  try {
    return await Promise.race([loading, late])
  } finally {
    clearTimeout(timer)
  }
}
