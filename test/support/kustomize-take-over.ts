import { readFile, writeFile } from 'node:fs/promises'
import type { KubeTestClient, TestObject } from './kube-test-client.ts'
import { encryptedFixture, fixtureKey } from './sops-fixtures.ts'

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

function workload(name: string, value: string): string {
  return `apiVersion: v1
kind: ServiceAccount
metadata: { name: ${name} }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: ${name}, annotations: { note: "${value}" } }
data: { value: "${value}", empty: "" }
---
apiVersion: v1
kind: Secret
metadata: { name: ${name} }
stringData: { password: of-${name} }
---
apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { selector: { app: ${name} }, ports: [{ port: 80, name: http }, { port: 53, protocol: UDP, name: dns }] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name} }
spec:
  replicas: 0
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name}, value: "${value}" } }
    spec:
      serviceAccountName: ${name}
      containers:
      - name: app
        image: example/app:1
        ports: [{ containerPort: 80 }]
        resources: { limits: { cpu: 1000m, memory: 1024Mi } }
        env: [{ name: A, value: "${value}" }]
`
}

const map = (name: string, annotations = '{}', data = 'a: "1"'): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}, annotations: ${annotations} }\ndata: { ${data} }\n`

/** The repository of the Kustomizations, as it is first and after the commit that changes it. */
export function takeOverFiles(step: 'first' | 'second'): { readonly [path: string]: string } {
  const value = step === 'first' ? 'one' : 'two'
  return {
    'plain/app.yaml': workload('plain', value),
    // One object less with the second commit.
    'plain/more.yaml': step === 'first' ? `${map('extra')}---\n${map('stays')}` : map('stays'),
    'variables/app.yaml': `apiVersion: v1
kind: ConfigMap
metadata: { name: variables }
data:
  host: "\${host}"
  port: "'\${port:=8080}'"
  secret: \${secret}
  text: $$kept
`,
    'overlay/kustomization.yaml':
      'resources: [app.yaml]\nconfigMapGenerator:\n- name: generated\n  literals: [a=b]\nlabels:\n- pairs: { tier: back }\n',
    'overlay/app.yaml': workload('overlay', value),
    'component/kustomization.yaml':
      'apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\ncommonAnnotations: { component: "yes" }\n',
    'waiting/app.yaml': workload('waiting', value),
    'encrypted/kustomization.yaml':
      'resources: [secret.yaml]\nsecretGenerator:\n- name: environment\n  envs: [values.env]\n',
    'encrypted/secret.yaml': text(encryptedFixture('rule-encrypted-regex.yaml')),
    'encrypted/values.env': text(encryptedFixture('values.env')),
    'policies/app.yaml': [
      map('once', '{ kustomize.toolkit.fluxcd.io/ssa: IfNotPresent }'),
      map('merged', '{ kustomize.toolkit.fluxcd.io/ssa: Merge }'),
      map('kept', '{ kustomize.toolkit.fluxcd.io/prune: disabled }'),
      map('literal', '{ kustomize.toolkit.fluxcd.io/substitute: disabled }', 'a: "${x}"'),
    ].join('---\n'),
  }
}

/** Specs by the name of the Kustomization. */
export const takeOverKustomizations: { readonly [name: string]: object } = {
  plain: { path: './plain' },
  variables: {
    path: './variables',
    postBuild: {
      substitute: { host: 'inline.example' },
      substituteFrom: [
        { kind: 'Secret', name: 'take-over-variables' },
        { kind: 'ConfigMap', name: 'absent', optional: true },
      ],
    },
  },
  overlay: {
    path: './overlay',
    namePrefix: 'x-',
    nameSuffix: '-y',
    components: ['../component'],
    commonMetadata: { labels: { team: 'a' }, annotations: { note: 'b' } },
    images: [{ name: 'example/app', newTag: '2' }],
    patches: [{ target: { kind: 'ConfigMap' }, patch: '- op: add\n  path: /data/patched\n  value: "yes"\n' }],
  },
  waiting: { path: './waiting', wait: true, timeout: '1m' },
  checked: {
    path: './policies',
    postBuild: { substitute: { unused: 'x' } },
    dependsOn: [{ name: 'waiting' }],
    healthChecks: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'waiting', namespace: '$NAMESPACE' }],
  },
  encrypted: { path: './encrypted', decryption: { provider: 'sops', secretRef: { name: 'take-over-keys' } } },
}

const kustomization = { apiVersion: 'kustomize.toolkit.fluxcd.io/v1', kind: 'Kustomization' }

/** Writes the Kustomizations and the Secrets that they name. */
export async function applyKustomizations(client: KubeTestClient, namespace: string): Promise<void> {
  const secret = { apiVersion: 'v1', kind: 'Secret' }
  await client.apply({
    ...secret,
    metadata: { name: 'take-over-keys', namespace },
    data: { 'age.agekey': Buffer.from(fixtureKey('one.agekey')).toString('base64') },
  })
  await client.apply({
    ...secret,
    metadata: { name: 'take-over-variables', namespace },
    stringData: { secret: 'hidden', host: 'overridden' },
  })
  for (const [name, spec] of Object.entries(takeOverKustomizations)) {
    const own = JSON.parse(JSON.stringify(spec).replaceAll('$NAMESPACE', namespace)) as object
    await client.apply({
      ...kustomization,
      metadata: { name, namespace },
      spec: {
        interval: '10m',
        prune: true,
        targetNamespace: namespace,
        sourceRef: { kind: 'GitRepository', name: 'app' },
        ...own,
      },
    })
  }
}

const appliedKinds = [
  { apiVersion: 'v1', kind: 'ServiceAccount' },
  { apiVersion: 'v1', kind: 'ConfigMap' },
  { apiVersion: 'v1', kind: 'Secret' },
  { apiVersion: 'v1', kind: 'Service' },
  { apiVersion: 'apps/v1', kind: 'Deployment' },
] as const

/** What must not change when somebody else takes over. */
export interface KustomizationFootprint {
  /** `Kind/name version` of every object that has an owner. A Deployment's status is written by its controller meanwhile: it is its generation. */
  readonly objects: readonly string[]
  readonly inventories: { readonly [name: string]: unknown }
  readonly revisions: { readonly [name: string]: unknown }
}

/** The footprint of all Kustomizations in a namespace. */
export async function kustomizationFootprint(
  client: KubeTestClient,
  namespace: string,
): Promise<KustomizationFootprint> {
  const objects: string[] = []
  for (const kind of appliedKinds) {
    for (const { metadata } of await client.list({ ...kind, namespace })) {
      const { name, uid, resourceVersion, generation, labels } = metadata as TestObject['metadata'] & {
        readonly generation?: number
      }
      if (labels?.['kustomize.toolkit.fluxcd.io/name'] === undefined) continue
      objects.push(`${kind.kind}/${name} ${kind.kind === 'Deployment' ? `${uid} ${generation}` : resourceVersion}`)
    }
  }
  const all = await client.list({ ...kustomization, namespace })
  const field = (pick: (status: NonNullable<TestObject['status']>) => unknown): { [name: string]: unknown } =>
    Object.fromEntries(all.map((one) => [one.metadata.name, pick(one['status'] ?? {})]))
  return {
    objects: objects.sort(),
    inventories: field((status) => status.inventory?.entries),
    revisions: field((status) => status.lastAppliedRevision),
  }
}

const fixture = new URL('../fixtures/kustomize-take-over.jsonl', import.meta.url)

/** Writes down what kustomize-controller v1.9.6 has left in a namespace, one object a line. */
export async function recordKustomizations(client: KubeTestClient, namespace: string): Promise<void> {
  const objects: TestObject[] = []
  for (const kind of [...appliedKinds, kustomization]) {
    for (const object of await client.list({ ...kind, namespace })) {
      const isOwned = object.metadata.labels?.['kustomize.toolkit.fluxcd.io/name'] !== undefined
      if (isOwned || kind === kustomization) objects.push({ ...object, ...kind })
    }
  }
  await writeFile(fixture, `${objects.map((object) => JSON.stringify(object)).join('\n')}\n`)
}

/** The recorded objects, and their namespace: owner labels name it. */
export async function readKustomizations(): Promise<{
  readonly namespace: string
  readonly objects: readonly TestObject[]
}> {
  const lines = (await readFile(fixture, 'utf8')).trim().split('\n')
  const objects = lines.map((line) => JSON.parse(line) as TestObject)
  return { namespace: objects[0]?.metadata.namespace ?? '', objects }
}
