import { LimpetConfigError } from '../errors.ts'
import { given } from './given.ts'
import { healthSettings, type ParsedHealth, typeProblems } from './health-schema.ts'
import type { CheckType } from './options.ts'
import type { ResolvedBackend, ResolvedBackendHealth, ResolvedCheckTls, ResolvedHealth } from './resolved.ts'

/** The checks of a pool, with what is given in other words put together. */
export function healthOf({ path, host, status, body, steps, tls, ...rest }: ParsedHealth): ResolvedHealth {
  const isTls = tls !== undefined || usesTls(rest.type)
  return {
    ...rest,
    address: undefined,
    http: { path: path ?? '/', host, status: status ?? '200-399', body },
    steps: steps ?? [],
    tls: isTls ? { serverName: tls?.serverName, verify: tls?.verify !== 'off' } : undefined,
  }
}

/**
 * The checks of one backend: those of its pool, with what it has of its own; where the pool has none, with the defaults.
 * Undefined: it is not checked.
 */
export function checksOf(pool: ResolvedHealth | undefined, { health }: ResolvedBackend): ResolvedHealth | undefined {
  if (health === undefined || health === 'pool') return pool
  if (health === 'off') return undefined
  const base = pool ?? healthOf(healthSettings('options').parse({}))
  const { address, path, host, status, body, steps, tls, onDown, ...plain } = health
  const type = plain.type ?? base.type
  return {
    ...base,
    ...given(plain),
    address,
    http: { ...base.http, ...given({ path, host, status, body }) },
    steps: type === 'expect' ? (steps ?? base.steps) : [],
    tls: tlsOf(type, base, tls),
    onDown: { ...base.onDown, ...given(onDown ?? {}) },
  }
}

/** What the checks of a backend lack, or do not have, as its pool is. `path`: the place of its `health`. */
export function backendHealthProblems(
  pool: Pick<ParsedHealth, 'type' | 'steps'> | undefined,
  { health }: Pick<ResolvedBackend, 'health'>,
): { path: string[]; message: string; accepted: string }[] {
  if (typeof health !== 'object') return []
  const type = health.type ?? pool?.type ?? 'tcp'
  const inherited = type === 'expect' && pool?.type === 'expect' ? pool.steps : undefined
  return typeProblems({ ...health, type, steps: health.steps ?? inherited })
}

/**
 * Checks the `health` of a backend against its pool, where the configuration did not.
 *
 * @throws {@link LimpetConfigError}
 */
export function checkBackendHealth(pool: ResolvedHealth | undefined, backend: ResolvedBackend): void {
  const problems = backendHealthProblems(pool === undefined ? undefined : { ...pool, steps: [...pool.steps] }, backend)
  if (problems.length === 0) return
  throw new LimpetConfigError(
    problems.map(({ path, message, accepted }) => ({
      path: ['health', ...path].join('.'),
      message,
      accepted,
      code: 'LIMPET_ERR_CONFIG',
    })),
  )
}

function usesTls(type: CheckType): boolean {
  return type === 'tls' || type === 'https'
}

/** That of the pool is for its type of check; another type takes it only if it uses TLS in any case. */
function tlsOf(type: CheckType, base: ResolvedHealth, tls: ResolvedBackendHealth['tls']): ResolvedCheckTls | undefined {
  const inherited = type === base.type || usesTls(type) ? base.tls : undefined
  const plain = { serverName: undefined, verify: true }
  if (tls === 'off') return usesTls(type) ? plain : undefined
  if (tls === undefined) return inherited ?? (usesTls(type) ? plain : undefined)
  const { serverName = inherited?.serverName, verify } = tls
  return { serverName, verify: verify === undefined ? (inherited?.verify ?? true) : verify === 'on' }
}
