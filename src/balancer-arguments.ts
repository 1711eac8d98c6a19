import { functionArgument, optionsArgument, signalArgument } from './arguments.ts'
import type { CloseOptions, ListenOptions, OpenSockets } from './balancer-types.ts'
import { LONGEST_TIMER_MS } from './config/duration.ts'
import type { BalancerOptions } from './config/options.ts'
import { changedConfig, isResolved, resolveOptions } from './config/resolve.ts'
import type { ResolvedConfig } from './config/resolved.ts'
import { argumentRangeError, argumentTypeError } from './errors.ts'

/** {@link ListenOptions}, when they were looked at. */
export interface ListenArguments {
  readonly signal: AbortSignal | undefined
  readonly reload: ListenOptions['reload']
  readonly sockets: OpenSockets
  readonly prepare: ListenOptions['prepare']
  readonly borrowed: ReadonlySet<string>
}

const NO_SOCKETS: OpenSockets = { listeners: new Map() }

export function listenArguments(options: ListenOptions): ListenArguments {
  return {
    signal: signalArgument('options.signal', optionsArgument('options', options).signal),
    reload: functionArgument('options.reload', options.reload),
    sockets: optionsArgument('options.sockets', options.sockets ?? NO_SOCKETS),
    prepare: functionArgument('options.prepare', options.prepare),
    borrowed: new Set(options.borrowedFiles),
  }
}

export function closeArguments(
  options: CloseOptions,
  { shutdownTimeout }: ResolvedConfig,
): { timeoutMs: number; signal: AbortSignal | undefined } {
  const { timeoutMs = shutdownTimeout } = optionsArgument('options', options)
  if (typeof timeoutMs !== 'number') throw argumentTypeError('options.timeoutMs', 'a number', timeoutMs)
  if (!(timeoutMs >= 0 && timeoutMs <= LONGEST_TIMER_MS)) {
    throw argumentRangeError('options.timeoutMs', `from 0 to ${LONGEST_TIMER_MS}`, timeoutMs)
  }
  return { timeoutMs, signal: signalArgument('options.signal', options.signal) }
}

/** What a program gives: a library that was not asked to should not write what goes well on its standard output. */
export function configArgument(options: BalancerOptions | ResolvedConfig): ResolvedConfig {
  if (isResolved(options)) return options
  const config = resolveOptions(options)
  return options.log?.level === undefined ? changedConfig(config, { log: { ...config.log, level: 'warn' } }) : config
}
