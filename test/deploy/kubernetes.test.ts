import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import type { ConfigMap, Secret, Service } from 'kubernetes-types/core/v1.d.ts'
import { cleanUp, limpet } from '../cli/helpers.ts'
import { Directory } from '../helpers/directory.ts'
import { requirePeer } from '../helpers/peers.ts'
import { runProgram } from '../helpers/programs.ts'
import { configurationOf, containerOf, disagreements, type Manifests } from './kubernetes-agreement.ts'
import { type Manifest, typeErrors } from './kubernetes-types.ts'
import { check, DEPLOY, documentsOf, ROOT, sampleFile, secondsOf, settingsOf, textOf, VERSION } from './samples.ts'

const PLACE = join(DEPLOY, 'kubernetes')
const { resources } = settingsOf<{ resources: string[] }>(textOf('kubernetes/kustomization.yaml'))

const read = <T>(file: string): T[] => documentsOf<T>(textOf(`kubernetes/${file}`))

/** Anew each time: tests change them. */
function manifests(): Manifests {
  const [service, metrics] = read<Service>('service.yaml')
  return {
    configMap: read<ConfigMap>('configmap.yaml')[0],
    secret: read<Secret>('secret.example.yaml')[0],
    deployment: read('deployment.yaml')[0],
    service,
    metrics,
    budget: read('disruption.yaml')[0],
    backends: read<Service>('backends.yaml')[0],
  } as Manifests
}

describe('deploy/kubernetes', () => {
  after(cleanUp)

  it('is what the API of Kubernetes takes, and would not be with a field that there is not', async () => {
    const all = Object.values(manifests()) as Manifest[]
    expect(all).to.have.length([...resources, 'secret.example.yaml'].flatMap(read).length)
    const wrong = manifests()
    Object.assign(containerOf(wrong).readinessProbe?.httpGet ?? {}, { paht: '/readyz' })
    Object.assign(wrong.budget.spec ?? {}, { selector: 'limpet' })
    const errors = await typeErrors([...all, wrong.deployment, wrong.budget] as Manifest[])
    const [misspelt, mistyped] = errors.splice(all.length)
    expect(errors.join('')).to.equal('')
    expect(misspelt).to.include('\'"paht"\' does not exist')
    expect(mistyped).to.include("type 'LabelSelector'")
  })

  it('is put together by kustomize, with the image of this version', async function () {
    const kubectl = requirePeer(this, 'kubectl')
    const built = documentsOf<Manifest>((await runProgram(kubectl, ['kustomize', PLACE])).toString())
    const nameOf = ({ kind, metadata }: Manifest): string => `${kind} ${metadata.name}`
    const written = resources.flatMap(file => read<Manifest>(file))
    expect(built.map(nameOf)).to.have.members(written.map(nameOf))
    const deployment = built.find(({ kind }) => kind === 'Deployment') as unknown as Manifests['deployment']
    expect(containerOf({ ...manifests(), deployment }).image).to.equal(`registry.example/limpet:${VERSION}`)
  })

  it('says the same in all places', () => {
    expect(disagreements(manifests())).to.deep.equal([])
  })

  /** Changes in one place, each of which must be told. */
  const ALONE: Record<string, (all: Manifests) => void> = {
    'the port of the admin API in the configuration': ({ configMap }) => configure(configMap, ':9900', ':9901'),
    'the port of a listener in the configuration': ({ configMap }) => configure(configMap, ':7200', ':7201'),
    'the time to stop in the configuration': ({ configMap }) => configure(configMap, '60s', '80s'),
    'the place of a secret': ({ configMap }) => configure(configMap, '/admin-token', '/token'),
    'the name that is asked for': ({ configMap }) => configure(configMap, '_redis._tcp', '_web._tcp'),
    'the port of the container': all => Object.assign(containerOf(all).ports?.[1] ?? {}, { containerPort: 9901 }),
    'the port of a probe': all => Object.assign(containerOf(all).livenessProbe?.httpGet ?? {}, { port: 9901 }),
    'the path of a probe': all => Object.assign(containerOf(all).readinessProbe?.httpGet ?? {}, { path: '/ready' }),
    'the port of the Service': ({ service }) => Object.assign(service.spec?.ports?.[0] ?? {}, { targetPort: 'web' }),
    'the time that Kubernetes gives': ({ deployment }) =>
      Object.assign(deployment.spec?.template.spec ?? {}, { terminationGracePeriodSeconds: 30 }),
    'the labels of the pods': ({ deployment }) =>
      Object.assign(deployment.spec?.template.metadata?.labels ?? {}, { 'app.kubernetes.io/name': 'other' }),
    'where the configuration is': all =>
      Object.assign(containerOf(all).volumeMounts?.[0] ?? {}, { mountPath: '/etc/other' }),
  }

  function configure(configMap: ConfigMap, from: string, to: string): void {
    const text = configMap.data?.['limpet.yaml'] ?? ''
    expect(text).to.include(from)
    configMap.data = { 'limpet.yaml': text.replace(from, to) }
  }

  for (const [what, change] of Object.entries(ALONE)) {
    it(`would not, with another: ${what}`, () => {
      const changed = manifests()
      change(changed)
      expect(disagreements(changed)).to.not.deep.equal([])
    })
  }

  it('runs as the user of the image, with no right that it does not need', () => {
    const { securityContext } = manifests().deployment.spec?.template.spec ?? {}
    const containerfile = readFileSync(join(DEPLOY, 'container/Containerfile'), 'utf8')
    const { runAsUser, runAsGroup, fsGroup } = securityContext ?? {}
    expect(containerfile).to.match(new RegExp(`^USER ${runAsUser}:${runAsGroup}$`, 'm'))
    expect(fsGroup).to.equal(runAsGroup)
    expect(securityContext).to.deep.include({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } })
    expect(containerOf(manifests()).securityContext).to.deep.equal({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
  })

  it('ends as its page says', () => {
    const { terminationGracePeriodSeconds: grace } = manifests().deployment.spec?.template.spec ?? {}
    const hook = Number(containerOf(manifests()).lifecycle?.preStop?.exec?.command?.[1])
    const { shutdownTimeout } = settingsOf<{ shutdownTimeout: string }>(configurationOf(manifests()))
    const page = readFileSync(join(ROOT, 'docs/deploy-kubernetes.md'), 'utf8')
    const [, chapter = ''] = page.split('## How a pod ends')
    const seconds = [...chapter.matchAll(/^\| (\d+)(?: at most)? \|/gm)].map(([, text]) => Number(text))
    expect(seconds).to.deep.equal([0, hook, hook + secondsOf(shutdownTimeout), grace])
  })

  it("keeps clients' addresses, from which their homes are computed", () => {
    const { externalTrafficPolicy, sessionAffinity } = manifests().service.spec ?? {}
    expect({ externalTrafficPolicy, sessionAffinity }).to.deep.equal({
      externalTrafficPolicy: 'Local',
      sessionAffinity: 'None',
    })
  })

  it('has a configuration that Limpet takes', async () => {
    await using directory = await Directory.make()
    const { stdout, warnings } = await check(directory, configurationOf(manifests()))
    expect(stdout).to.include('the backends of 1 pool to be found')
    // docs/deploy-kubernetes.md says what to do about it.
    expect(warnings).to.have.length(1)
    expect(warnings[0]).to.include('the admin API is not encrypted')
  })

  it('does not start with the token of the example', async () => {
    await using directory = await Directory.make()
    const { secret } = manifests()
    const file = await sampleFile(directory, configurationOf(manifests()))
    await writeFile(directory.file('secrets/admin-token'), secret.stringData?.['admin-token'] ?? '')
    const { status, stderr } = await limpet(['check', '-c', file])
    expect(status).to.equal(78)
    expect(stderr).to.include('admin.token')
  })
})
