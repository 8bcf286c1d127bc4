import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { after, before, describe, it } from 'node:test'
import { checkConfig } from '../../functions/node/check-config.ts'
import { readEnvFile } from '../../functions/node/env-file.ts'
import { useCluster } from '../support/cluster.ts'
import { KubeTestError } from '../support/kube-test-client.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const cluster = useCluster()
const directory = mkdtempSync(join(tmpdir(), 'sluice-manifests-'))
after(() => rmSync(directory, { recursive: true }))

const asKubectl = { fieldManager: 'kubectl' }

interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: object }
  readonly [field: string]: unknown
}

interface PodTemplate {
  readonly metadata: { readonly labels: object }
  readonly spec: {
    readonly terminationGracePeriodSeconds: number
    readonly containers: readonly {
      readonly image: string
      readonly envFrom: readonly { readonly configMapRef?: { readonly name: string } }[]
      readonly livenessProbe: { readonly httpGet: { readonly path: string } }
    }[]
  }
}

/** Our own `kustomize build`. */
function build(folder: string): readonly Manifest[] {
  const args = ['src/cli/main.ts', 'kustomize', 'build', '-o', 'jsonl', folder]
  const text = execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8', maxBuffer: 16 << 20 })
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Manifest)
}

function find(manifests: readonly Manifest[], kind: string): Manifest {
  const found = manifests.find((one) => one.kind === kind)
  assert.ok(found !== undefined, kind)
  return found
}

void describe('the manifests for a management cluster', () => {
  let manifests: readonly Manifest[]

  before(async () => {
    // As the page says: a Kustomization of one's own on top, with the image, the variables and a Secret.
    cpSync(join(root, 'infra/kubernetes'), join(directory, 'base'), { recursive: true })
    const own = join(directory, 'own')
    mkdirSync(own)
    cpSync(join(root, 'infra/kubernetes/secret.example.yaml'), join(own, 'secret.yaml'))
    writeFileSync(
      join(own, 'sluice.env'),
      'CLUSTERS=[{"name":"a","server":"https://a.example","tokenSecret":"A_TOKEN"}]\n',
    )
    writeFileSync(
      join(own, 'kustomization.yaml'),
      `resources: [../base, secret.yaml]
configMapGenerator:
  - { name: sluice, namespace: sluice, behavior: replace, envs: [sluice.env] }
images:
  - { name: registry.example.com/sluice, newName: registry.internal/sluice, newTag: "1" }
`,
    )
    manifests = build(own)
    // As `kubectl apply --server-side` does, for whoever applies them after this.
    for (const manifest of manifests) await cluster.client.apply(manifest, asKubectl)
  })

  void it('are all taken by the API server, unchanged by a second apply', async () => {
    assert.deepEqual(
      manifests.map(({ kind }) => kind).toSorted((a, b) => a.localeCompare(b)),
      [
        'ConfigMap',
        'Namespace',
        'NetworkPolicy',
        'PodDisruptionBudget',
        'Secret',
        'Service',
        'ServiceAccount',
        'StatefulSet',
      ],
    )
    for (const manifest of manifests) {
      const before = await cluster.client.get(refOf(manifest))
      const again = await cluster.client.apply(manifest, asKubectl)
      // Controllers write status in between; a generation tells of the rest.
      const mark = before.metadata.generation === undefined ? 'resourceVersion' : 'generation'
      assert.equal(again.metadata[mark], before.metadata[mark], manifest.kind)
    }
  })

  void it('fit together: selectors find the pod, and the pod finds its variables, its image and its probes', () => {
    const set = find(manifests, 'StatefulSet')['spec'] as {
      readonly selector: { readonly matchLabels: object }
      readonly template: PodTemplate
    }
    const { labels } = set.template.metadata
    assert.deepEqual(set.selector.matchLabels, labels)
    assert.deepEqual((find(manifests, 'Service')['spec'] as { selector: object }).selector, labels)
    const budget = find(manifests, 'PodDisruptionBudget')['spec'] as { selector: { matchLabels: object } }
    assert.deepEqual(budget.selector.matchLabels, labels)
    const [container] = set.template.spec.containers
    assert.equal(container?.image, 'registry.internal/sluice:1')
    assert.equal(container.envFrom[0]?.configMapRef?.name, find(manifests, 'ConfigMap').metadata.name)
    assert.equal(container.livenessProbe.httpGet.path, '/healthz')
    assert.ok(set.template.spec.terminationGracePeriodSeconds > 20 + 10, 'longer than jobs may take to end')
  })

  void it('the pod passes the restricted level of pod security, which refuses one that asks for more', async () => {
    const { template } = find(manifests, 'StatefulSet')['spec'] as { readonly template: PodTemplate }
    const volumes = (template.spec as { readonly volumes?: readonly object[] }).volumes ?? []
    const pod = (change: object): object => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'probe', namespace: 'sluice', labels: template.metadata.labels },
      // The controller adds the claim.
      spec: { ...template.spec, volumes: [...volumes, { name: 'data', emptyDir: {} }], ...change },
    })
    const accepted = await cluster.client.apply(pod({}), { dryRun: true })
    assert.equal(accepted.metadata.name, 'probe')
    await assert.rejects(cluster.client.apply(pod({ hostNetwork: true }), { dryRun: true }), (error: unknown) => {
      assert.ok(error instanceof KubeTestError)
      assert.match(error.message, /violates PodSecurity "restricted/)
      return true
    })
  })

  void it('the variables of the example are a configuration, with the secrets of the example', () => {
    const variables = readEnvFile(join(root, 'infra/kubernetes/sluice.env'))
    const { stringData } = manifests.find((one) => one.kind === 'Secret') as unknown as {
      readonly stringData: { readonly [name: string]: string }
    }
    const checked = checkConfig({ ...variables, ...stringData }, 'node')
    assert.deepEqual([checked.errors, checked.warnings], [[], []])
  })
})

function refOf({ apiVersion, kind, metadata }: Manifest) {
  return {
    apiVersion,
    kind,
    name: metadata.name,
    ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
  }
}
