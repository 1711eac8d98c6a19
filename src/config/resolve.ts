import { resolve as resolvePath } from 'node:path'
import type { z } from 'zod'
import { KeyModule } from '../affinity/key-module.ts'
import { type ConfigProblem, formatProblem, LimpetConfigError } from '../errors.ts'
import { healthOf } from './backend-health.ts'
import { boundOf } from './bounded-load.ts'
import type { ResolvedCluster } from './cluster.ts'
import { cookieOf } from './cookie.ts'
import { crossFindings } from './cross.ts'
import { membersOf } from './discovery.ts'
import type { Mode } from './duration.ts'
import { findingsOf, MOST_PROBLEMS } from './findings.ts'
import { localAddresses } from './loops.ts'
import { isMapping } from './mapping.ts'
import type { BackendChanges, BackendOptions, BalancerOptions } from './options.ts'
import { sendProxyOf } from './outgoing.ts'
import type { Finding } from './parsed.ts'
import { PoolSecret, readSecrets, type SecretContext, type Secrets } from './pool-secret.ts'
import type {
  ResolvedAffinity,
  ResolvedBackend,
  ResolvedBackendChanges,
  ResolvedConfig,
  ResolvedHotKey,
  ResolvedLimits,
  ResolvedPool,
} from './resolved.ts'
import { reachablePools, routeOf } from './route.ts'
import { backendChangesSchema, backendSchema, type ParsedDocument, planSchema, SCHEMAS } from './schema.ts'
import { pathText } from './text.ts'
import { backendTlsOf, listenerTlsOf, readTlsFiles, type TlsFiles } from './tls-files.ts'
import { viewOf } from './view.ts'
import { warningsOf } from './warnings.ts'

/** What a configuration is resolved against; tests give their own. */
export interface ResolveContext extends Partial<SecretContext> {
  /** Addresses of this host, to see loops. Default: those of its interfaces. */
  localAddresses?: ReadonlySet<string> | undefined
  /** Whether a configuration without listeners is refused. */
  requireListeners?: boolean | undefined
}

/** A document, from wherever it came. */
export interface Source {
  mode: Mode
  raw: unknown
  file?: string | undefined
  /** What was already found wrong with it, place by place. */
  findings: readonly Finding[]
  /** The place of a finding in the text. */
  place: (finding: Finding) => { line?: number; column?: number }
}

/** Checks a whole document and fills in its defaults; throws one error that tells everything that is wrong. */
export function resolveDocument(source: Source, context: ResolveContext = {}): ResolvedConfig {
  const { raw, mode, file } = source
  const parsed = SCHEMAS[mode].safeParse(raw)
  const view = viewOf(raw)
  const directory = context.directory ?? process.cwd()
  const local = context.localAddresses ?? localAddresses()
  const secrets = readSecrets(view, { env: context.env ?? process.env, directory })
  const tls = readTlsFiles(view, directory)
  const findings = [
    ...(parsed.success ? [] : findingsOf(SCHEMAS[mode], raw, parsed.error.issues)),
    ...emptyFindings(raw, context.requireListeners === true),
    ...crossFindings(view, local),
    ...secrets.findings,
    ...tls.findings,
  ]
  const all = [...source.findings, ...findings.filter(finding => !isUnder(finding, source.findings))]
  if (!parsed.success || all.length > 0)
    throw new LimpetConfigError(sorted(all.map(finding => problemOf(finding, source))), { path: file })
  const warnings = [...warningsOf(view, mode, local), ...secrets.warnings, ...tls.warnings].map(finding =>
    formatProblem(problemOf(finding, source)),
  )
  return branded({ ...configOf(parsed.data, { secrets, tls, directory }), file, warnings })
}

/** Configurations that were checked here; whatever else looks like one may be anything. */
const RESOLVED = new WeakSet<object>()

function branded(config: ResolvedConfig): ResolvedConfig {
  RESOLVED.add(config)
  return config
}

/** Whether this very object came out of the checks. */
export function isResolved(value: object): value is ResolvedConfig {
  return RESOLVED.has(value)
}

/** A configuration with other parts, for which the caller answers. */
export function changedConfig(config: ResolvedConfig, changes: Partial<ResolvedConfig>): ResolvedConfig {
  return branded({ ...config, ...changes })
}

/** Where a value could not be read at all, what the schema says about it is no news. */
function isUnder(finding: Finding, known: readonly Finding[]): boolean {
  return known.some(({ path, unread }) => unread === true && path.every((step, index) => finding.path[index] === step))
}

function emptyFindings(raw: unknown, requireListeners: boolean): Finding[] {
  // Of anything else the schema says all that there is to say.
  if (!isMapping(raw)) return []
  const { listeners, pools } = raw
  const findings: Finding[] = []
  if (pools !== null && typeof pools === 'object' && Object.hasOwn(pools, '__proto__')) {
    findings.push({ path: ['pools', '__proto__'], message: 'this name is not accepted', at: 'key' })
  } else if (pools !== null && typeof pools === 'object' && Object.keys(pools).length === 0) {
    findings.push({ path: ['pools'], message: 'there is no pool', accepted: 'at least one pool', at: 'key' })
  }
  const none = listeners === undefined || (Array.isArray(listeners) && listeners.length === 0)
  if (requireListeners && none)
    findings.push({
      path: ['listeners'],
      message: 'there is no listener',
      accepted: 'at least one listener',
      at: 'key',
    })
  return findings
}

/** A finding as it is told. */
export function problemOf(finding: Finding, source: Source): ConfigProblem {
  const { message, accepted, code = 'LIMPET_ERR_CONFIG' } = finding
  const file = source.file === undefined ? {} : { file: source.file }
  const told = accepted === undefined ? {} : { accepted }
  return { ...file, ...source.place(finding), path: pathText(finding.path), message, ...told, code }
}

/** In the order of the text; options of a program stay in the order of the checks. */
function sorted(problems: ConfigProblem[]): ConfigProblem[] {
  const compare = (left: ConfigProblem, right: ConfigProblem): number =>
    (left.line ?? 0) - (right.line ?? 0) || (left.column ?? 0) - (right.column ?? 0)
  return problems.sort(compare).slice(0, MOST_PROBLEMS)
}

/** What of a document is elsewhere. */
interface ReadFiles {
  secrets: Secrets
  tls: TlsFiles
  directory: string
}

function configOf(document: ParsedDocument, { secrets, tls, directory }: ReadFiles): Omit<ResolvedConfig, 'warnings'> {
  const pools = Object.entries(document.pools).map(([name, pool]): [string, ResolvedPool] => {
    const { boundedLoad: bound, secret: _, health: checks, stickTable: table, limits: given, ...others } = pool
    const { sendProxy: header, backends: source, ...rest } = others
    const sendProxy = sendProxyOf(header)
    const affinity = affinityOf(pool.affinity, directory)
    const secret = secrets.byPool.get(name) ?? PoolSecret.ofPool(name)
    const stickTable = table && { ...table, file: pathOf(table.file, directory) }
    const [health, limits] = [checks && healthOf(checks), limitsOf(given)]
    const backendTls = backendTlsOf(rest.backendTls, tls, directory)
    const members = membersOf(source, directory)
    const settings = { name, ...boundOf(bound), secret, affinity, stickTable, health, limits, sendProxy, backendTls }
    return [name, { ...rest, ...settings, ...members }]
  })
  const byName = new Map(pools)
  const { listeners, threads, shutdownTimeout, state, user, group, log, admin, cluster } = document
  return {
    listeners: listeners.map(listener => {
      const route = (listener.route ?? []).map(entry => routeOf(entry, module => placed(module, directory)))
      const choice = { pool: listener.pool, route }
      const reached = reachablePools(choice, byName.values())
      return { ...listener, ...choice, pools: reached, tls: listenerTlsOf(listener.tls, tls, directory) }
    }),
    pools: byName,
    threads,
    shutdownTimeout,
    state: pathOf(state, directory),
    user,
    group,
    log: { level: log.level, sessions: log.sessions },
    admin: admin && { listen: admin.listen, token: secrets.token, hosts: admin.hosts },
    cluster: cluster && clusterOf(cluster, { secrets, directory }),
  }
}

function clusterOf(
  { ca, ...cluster }: NonNullable<ParsedDocument['cluster']>,
  { secrets, directory }: Pick<ReadFiles, 'secrets' | 'directory'>,
): ResolvedCluster {
  const url = secrets.storeUrl
  if (url === undefined) throw new TypeError('a cluster without a URL was let through')
  return { ...cluster, url, ca: pathOf(ca, directory) }
}

function limitsOf(limits: ParsedDocument['pools'][string]['limits']): ResolvedLimits {
  return { ...limits, burst: limits.burst || limits.newPerSecondPerKey }
}

/** Of `ipv6Prefix: auto`, where there is no `hotKey`: the defaults of that, by what is narrower than a /64. */
const HOT_SUBNET: ResolvedHotKey = { shareMilli: 500, spread: 4, by: 'address', ipv6Only: true }

function affinityOf(
  { hotKey, cookie, key, ...affinity }: ParsedDocument['pools'][string]['affinity'],
  directory: string,
): ResolvedAffinity {
  const spread = hotKey && { shareMilli: hotKey.share, spread: hotKey.spread, by: hotKey.by, ipv6Only: false }
  const hot = spread ?? (affinity.ipv6Prefix === 0 ? HOT_SUBNET : undefined)
  const keys = key.map(one => (one instanceof KeyModule ? placed(one, directory) : one))
  return { ...affinity, key: keys, cookie: cookie && cookieOf(cookie), hotKey: hot }
}

/** Paths of modules are relative to the configuration file. */
function placed<Made>({ text, path, exportName }: KeyModule<Made>, directory: string): KeyModule<Made> {
  return new KeyModule(text, resolvePath(directory, path), exportName)
}

function pathOf(file: string, directory: string): string | undefined {
  return file === 'off' ? undefined : resolvePath(directory, file)
}

/**
 * Checks the options of a program and fills in their defaults.
 *
 * @throws {@link LimpetConfigError} with everything that is wrong
 */
export function resolveOptions(options: BalancerOptions, context: ResolveContext = {}): ResolvedConfig {
  return resolveDocument(sourceOf(options), context)
}

/**
 * Checks one backend and fills in its defaults.
 *
 * @throws {@link LimpetConfigError} with everything that is wrong
 */
export function resolveBackend(options: BackendOptions): ResolvedBackend {
  return resolvePart(backendSchema, options)
}

/**
 * Checks changes of a backend; what is not to be changed stays absent.
 *
 * @throws {@link LimpetConfigError} with everything that is wrong
 */
export function resolveBackendChanges(changes: BackendChanges): ResolvedBackendChanges {
  return resolvePart(backendChangesSchema, changes)
}

/** Backends to add, names to remove, and changes by name. */
export interface ResolvedPlan {
  readonly add: readonly ResolvedBackend[]
  readonly remove: readonly string[]
  readonly update: Readonly<Record<string, ResolvedBackendChanges>>
}

/**
 * Checks what a plan asks about.
 *
 * @throws {@link LimpetConfigError} with everything that is wrong
 */
export function resolvePlan(change: unknown): ResolvedPlan {
  return resolvePart(planSchema, change)
}

/**
 * Checks a part of a document, or what is as strict as one.
 *
 * @throws {@link LimpetConfigError} with everything that is wrong
 */
export function resolvePart<T>(schema: z.ZodType<T>, raw: unknown): T {
  const parsed = schema.safeParse(raw)
  if (parsed.success) return parsed.data
  const source = sourceOf(raw)
  throw new LimpetConfigError(findingsOf(schema, raw, parsed.error.issues).map(finding => problemOf(finding, source)))
}

function sourceOf(raw: unknown): Source {
  return { mode: 'options', raw, findings: [], place: () => ({}) }
}
