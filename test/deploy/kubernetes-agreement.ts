// What manifests say in several places, and what of it does not agree.
import type { Deployment } from 'kubernetes-types/apps/v1.d.ts'
import type { ConfigMap, Container, Probe, Secret, Service } from 'kubernetes-types/core/v1.d.ts'
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1.d.ts'
import { ROUTES } from '../../src/admin/routes/index.ts'
import { secondsOf, secretFilesOf, settingsOf } from './samples.ts'

/** All that is in deploy/kubernetes, by what it is. */
export interface Manifests {
  configMap: ConfigMap
  secret: Secret
  deployment: Deployment
  service: Service
  metrics: Service
  budget: PodDisruptionBudget
  backends: Service
}

/** What of a configuration manifests repeat. */
interface Settings {
  listeners: { name: string; bind: string }[]
  pools: Record<string, { backends: { dns: string; type: string } }>
  shutdownTimeout: string
  admin: { listen: string }
}

/** Seconds that a process may need to end besides its sessions. */
const RESERVE_S = 10

/** The configuration, as the ConfigMap has it. */
export function configurationOf({ configMap }: Manifests): string {
  return configMap.data?.['limpet.yaml'] ?? ''
}

/** Sentences, each about what does not agree. */
export function disagreements(manifests: Manifests): string[] {
  return [...ports(manifests), ...probes(manifests), ...labels(manifests), ...files(manifests), ...time(manifests)]
}

function settings(manifests: Manifests): Settings {
  return settingsOf<Settings>(configurationOf(manifests))
}

export function containerOf({ deployment }: Manifests): Container {
  const [container] = deployment.spec?.template.spec?.containers ?? []
  if (container === undefined) throw new Error('the Deployment has no container')
  return container
}

/** Which port of the container has this name. */
function containerPort(container: Container, name: string | number | undefined): number | undefined {
  return container.ports?.find(port => port.name === name)?.containerPort
}

const portOf = (address: string): number => Number(address.slice(address.lastIndexOf(':') + 1))

function ports(manifests: Manifests): string[] {
  const container = containerOf(manifests)
  const { listeners, admin, pools } = settings(manifests)
  const wanted = [...listeners.map(({ name, bind }) => [name, portOf(bind)]), ['admin', portOf(admin.listen)]] as const
  const wrong = wanted
    .filter(([name, port]) => containerPort(container, String(name)) !== port)
    .map(([name, port]) => `the configuration has ${name} on ${port}, the container on another port`)
  for (const service of [manifests.service, manifests.metrics]) {
    for (const { targetPort, name } of service.spec?.ports ?? []) {
      if (containerPort(container, targetPort) === undefined) wrong.push(`the container has no port for ${name}`)
    }
  }
  for (const { backends } of Object.values(pools)) {
    const { metadata, spec } = manifests.backends
    const named = spec?.ports?.map(({ name }) => `_${name}._tcp.${metadata?.name}.default.svc.cluster.local`)
    if (backends.type !== 'SRV' || !named?.includes(backends.dns)) wrong.push(`no Service answers for ${backends.dns}`)
  }
  return wrong
}

function probes(manifests: Manifests): string[] {
  const { startupProbe, livenessProbe, readinessProbe, ...container } = containerOf(manifests)
  const wanted: [string, Probe | undefined, string][] = [
    ['startupProbe', startupProbe, '/livez'],
    ['livenessProbe', livenessProbe, '/livez'],
    ['readinessProbe', readinessProbe, '/readyz'],
  ]
  const open = ROUTES.filter(({ isOpen }) => isOpen).map(({ path }) => path)
  return wanted.flatMap(([name, probe, path]) => {
    const asked = probe?.httpGet
    if (asked?.path !== path || !open.includes(path)) return [`${name} asks for ${asked?.path}`]
    if (containerPort(container, asked.port) === portOf(settings(manifests).admin.listen)) return []
    return [`${name} asks the port ${asked.port}, where the admin API is not`]
  })
}

/** Who selects the pods of the Deployment. */
function labels({ deployment, service, metrics, budget }: Manifests): string[] {
  const spec = deployment.spec?.template.spec
  const own = deployment.spec?.template.metadata?.labels ?? {}
  const selectors = {
    'the Deployment': deployment.spec?.selector.matchLabels,
    'the Service': service.spec?.selector,
    'the Service of metrics': metrics.spec?.selector,
    'the budget': budget.spec?.selector?.matchLabels,
    ...Object.fromEntries(
      spec?.topologySpreadConstraints?.map(({ topologyKey, labelSelector }) => [
        topologyKey,
        labelSelector?.matchLabels,
      ]) ?? [],
    ),
  }
  return Object.entries(selectors)
    .filter(([, selector]) => {
      const wanted = Object.entries(selector ?? {})
      return wanted.length === 0 || wanted.some(([name, value]) => own[name] !== value)
    })
    .map(([who]) => `${who} does not select the pods`)
}

/** Files of the container: from which volume, and whether they are asked for there. */
function files(manifests: Manifests): string[] {
  const { deployment, configMap, secret } = manifests
  const { volumeMounts = [], args = [] } = containerOf(manifests)
  const volumes = deployment.spec?.template.spec?.volumes ?? []
  const mountOf = (isIt: (volume: (typeof volumes)[number]) => boolean): string | undefined => {
    const name = volumes.find(isIt)?.name
    return volumeMounts.find(mount => mount.name === name)?.mountPath
  }
  const configuration = mountOf(volume => volume.configMap?.name === configMap.metadata?.name)
  const secrets = mountOf(volume => volume.secret?.secretName === secret.metadata?.name)
  const wrong: string[] = []
  const [file] = Object.keys(configMap.data ?? {})
  if (args.join(' ') !== `run -c ${configuration}/${file}`) wrong.push(`no configuration for ${args.join(' ')}`)
  const given = Object.keys(secret.stringData ?? {}).sort()
  const asked = secretFilesOf(configurationOf(manifests))
  if (given.join() !== asked.join()) wrong.push(`the Secret has ${given}, the configuration asks for ${asked}`)
  const text = configurationOf(manifests)
  for (const name of asked) {
    if (!text.includes(`${secrets}/${name}`)) wrong.push(`${name} is not where the Secret is`)
  }
  return wrong
}

/** Whether all that is done before SIGKILL has time for it. */
function time(manifests: Manifests): string[] {
  const { terminationGracePeriodSeconds = 30 } = manifests.deployment.spec?.template.spec ?? {}
  const [program, seconds] = containerOf(manifests).lifecycle?.preStop?.exec?.command ?? []
  if (program !== 'sleep') return ['the preStop hook does not wait']
  const needed = Number(seconds) + secondsOf(settings(manifests).shutdownTimeout) + RESERVE_S
  if (terminationGracePeriodSeconds >= needed) return []
  return [`a drain takes ${needed} s, and has ${terminationGracePeriodSeconds}`]
}
