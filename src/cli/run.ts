import type { Balancer } from '../balancer.ts'
import type { OpenSockets } from '../balancer-types.ts'
import type { ResolvedConfig } from '../config/resolved.ts'
import { LimpetError } from '../errors.ts'
import { createLog, type Log } from '../log/log.ts'
import { alwaysJson, standardOutput } from '../log/standard-output.ts'
import { matchSockets } from '../os/match-sockets.ts'
import { openPrivileged } from '../os/privileged-sockets.ts'
import { become, identityOf } from '../os/privileges.ts'
import { ServiceManager } from '../os/service-manager.ts'
import { takeServiceEnvironment } from '../os/systemd.ts'
import { VERSION } from '../package-info.ts'
import { Takeover } from '../upgrade/takeover.ts'
import { TakeoverServer } from '../upgrade/takeover-server.ts'
import { type ConfigOptions, configFile, readConfig, STDIN_NAME } from './config-source.ts'
import { EXIT } from './exit-codes.ts'
import type { Io } from './io.ts'
import { type OpeningParts, openBalancer } from './opening.ts'
import { problemsOf, refuse } from './problems.ts'
import { type ReadAgain, Reloading, SERVING } from './reloading.ts'
import { StopSignals } from './signals.ts'
import { startFailure } from './start-failure.ts'

/** How long a reader of the log may take for the last lines. */
const LAST_LINES_MS = 1000

/** Options of `limpet run`. */
export interface RunOptions extends ConfigOptions {
  takeover?: boolean | undefined
}

export async function run(options: RunOptions, io: Io): Promise<number> {
  const given = configFile('run', options)
  const file = given === '-' ? STDIN_NAME : given
  try {
    const config = await readConfig(given, io, true)
    if (options.json === true) alwaysJson()
    return await balance(config, () => readConfig(given, io, true), options.takeover === true, io)
  } catch (error) {
    return await refuse(error, file, options.json, io)
  } finally {
    // The process ends by force, and must not take the last lines along.
    await standardOutput().written(LAST_LINES_MS)
  }
}

async function balance(config: ResolvedConfig, readAgain: ReadAgain, takesOver: boolean, io: Io): Promise<number> {
  const log = createLog(config.log.level)
  const signals = new StopSignals(io.signals)
  const environment = takeServiceEnvironment(io.env)
  const manager = new ServiceManager(environment, log)
  const reloading = new Reloading(
    io.signals,
    config,
    config.file === STDIN_NAME ? refuseStdin : readAgain,
    log,
    manager,
  )
  try {
    const takeover = takesOver ? await Takeover.begin(config, log) : undefined
    const passed = takeover?.sockets ?? matchSockets(environment.sockets, config)
    const sockets = await becomeIdentity(config, passed, log)
    return await serve(config, { signals, reloading, manager, sockets, takeover, log })
  } finally {
    reloading.end()
    manager.end()
  }
}

/** Opens what only root may, and becomes the user of the configuration, if there is one. */
async function becomeIdentity(config: ResolvedConfig, passed: OpenSockets, log: Log): Promise<OpenSockets> {
  const identity = identityOf(config)
  if (identity === undefined) return passed
  try {
    const sockets = await openPrivileged(config, passed)
    become(identity, log)
    return sockets
  } catch (error) {
    throw startFailure(error, config)
  }
}

async function refuseStdin(): Promise<never> {
  throw new LimpetError(
    'LIMPET_ERR_CONFIG_READ',
    'the configuration came from standard input, which cannot be read again',
  )
}

/** What a balancer of the command line has around it. */
interface Surroundings extends OpeningParts {
  signals: StopSignals
  manager: ServiceManager
}

async function serve(config: ResolvedConfig, surroundings: Surroundings): Promise<number> {
  const { signals, reloading, manager, takeover, log } = surroundings
  const opening = new AbortController()
  void signals.first.then(() => opening.abort())
  log.info({ version: VERSION, config: config.file, pid: process.pid }, 'starting')
  let balancer: Balancer
  try {
    manager.status('opening its listeners')
    balancer = await openBalancer(config, surroundings, opening.signal)
  } catch (error) {
    takeover?.abandon()
    if (opening.signal.aborted) return EXIT.ok
    throw problemsOf(error) === undefined ? startFailure(error, config) : error
  }
  for (const { name, placement, backends } of config.pools.values()) {
    log.info({ pool: name, placement, backends: backends.length, digest: balancer.pool(name).digest }, 'pool')
  }
  const successor = await TakeoverServer.open({ config: reloading.config, socket: takeover?.own, balancer, log })
  log.info('ready')
  manager.ready(SERVING)
  reloading.begin(balancer)
  void signals.first.then(() => reloading.stop())
  try {
    return await stopped(balancer, config, surroundings, successor)
  } finally {
    await successor?.close()
    takeover?.abandon()
  }
}

/** Waits until it is asked to stop, or another process has taken its place, and stops. */
async function stopped(
  balancer: Balancer,
  { shutdownTimeout }: ResolvedConfig,
  { signals, reloading, manager, log }: Surroundings,
  successor: TakeoverServer | undefined,
): Promise<number> {
  const taken = successor?.taken.then(({ pid }) => ({ successor: pid }))
  const why = await Promise.race([signals.first.then(signal => ({ signal })), ...(taken === undefined ? [] : [taken])])
  const { sessions } = balancer.stats()
  // First: whoever reads that it stops can rely on it.
  const closing = balancer.close()
  log.info({ ...why, sessions, timeoutMs: shutdownTimeout }, 'stopping')
  if ('successor' in why) manager.succeededBy(why.successor)
  else manager.stopping('waiting for its sessions to end')
  reloading.stop()
  const hurry = 'successor' in why ? signals.first : signals.second
  void hurry.then(signal => {
    log.warn({ signal, sessions: balancer.stats().sessions }, 'cutting every session')
    return balancer.destroy()
  })
  const { cut } = await closing
  return cut === 0 ? EXIT.ok : EXIT.failed
}
