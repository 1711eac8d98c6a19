export interface BuildNativeOptions {
  /** Build without optimisation, for a debugger. Default: false. */
  debug?: boolean
  /** Build everything anew, also when it is up to date. Default: false. */
  force?: boolean
  /** Build anew if the addon is up to date, but cannot be loaded. Default: false. */
  verify?: boolean
  /**
   * An addon that was made from these very sources, as in an installed package: where none was built, and it can be
   * loaded, nothing needs to be built. Not with `debug`, `force` or `programs`.
   */
  prebuilt?: string
  /** Build the programs of `limpet bench`, too. Default: false. */
  programs?: boolean
  /** Directory of the package. Default: the one that this file belongs to. */
  root?: string
  /** Gets each line of progress. Default: `console.log`. */
  log?: (line: string) => void
}

export interface BuiltAddon {
  /** The addon's file. */
  path: string
  /** False: it was up to date. */
  built: boolean
}

/** A failure whose message is all that the user needs. */
export class BuildError extends Error {
  /** What the compiler wrote; may be empty. */
  readonly output: string
  constructor(message: string, output?: string)
}

/** Builds the native addon from its sources, unless it is up to date. Rejects with a {@link BuildError}. */
export function buildNative(options?: BuildNativeOptions): Promise<BuiltAddon>
