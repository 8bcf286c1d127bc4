import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  adoptiveKustomization,
  afterFold,
  manifestFiles,
  releaseManifests,
  sortOut,
  splitSecrets,
  widerWishes,
  wishOf,
  withoutDefaults,
  type FoundRelease,
} from '../../../src/migrate/index.ts'
import type { KubeMap, KubeObject } from '../../../src/resources/index.ts'

type Entry = readonly [manager: string, operation: 'Apply' | 'Update', fields: object, subresource?: string]

/** An object in the cluster, with whoever owns its fields. */
function live(object: object, entries: readonly Entry[], annotations: object = {}): KubeObject {
  const given = object as { metadata?: object; kind?: string }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    ...object,
    metadata: {
      name: 'web',
      namespace: 'apps',
      uid: 'u',
      resourceVersion: '9',
      creationTimestamp: '2026-01-01T00:00:00Z',
      generation: 3,
      ...given.metadata,
      annotations: { 'deployment.kubernetes.io/revision': '2', ...annotations },
      managedFields: entries.map(([manager, operation, fieldsV1, subresource]) => ({
        manager,
        operation,
        apiVersion: 'apps/v1',
        fieldsV1,
        ...(subresource === undefined ? {} : { subresource }),
      })),
    },
    status: { replicas: 1 },
  } as unknown as KubeObject
}

const applied = (object: object): object => ({
  'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(object),
})
const head = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'apps' } }
const all = (...fields: readonly string[]): object => ({
  'f:spec': Object.fromEntries(fields.map((field) => [`f:${field}`, {}])),
})

void describe('the manifest of an object', () => {
  const rows: readonly {
    readonly name: string
    readonly object: KubeObject
    readonly want: object
    readonly from: string
    readonly notes?: readonly RegExp[]
  }[] = [
    {
      name: 'what was applied, without what the server filled in',
      object: live(
        { spec: { replicas: 1, paused: false, progressDeadlineSeconds: 600 } },
        [['kubectl-client-side-apply', 'Update', all('replicas', 'paused', 'progressDeadlineSeconds')]],
        applied({ ...head, spec: { replicas: 1 } }),
      ),
      want: { ...head, spec: { replicas: 1 } },
      from: 'last-applied',
    },
    {
      name: 'the value of today, where somebody changed it by hand',
      object: live(
        { spec: { replicas: 3 } },
        [
          ['kubectl-client-side-apply', 'Update', {}],
          ['kubectl', 'Update', all('replicas'), 'scale'],
        ],
        applied({ ...head, spec: { replicas: 1 } }),
      ),
      want: { ...head, spec: { replicas: 3 } },
      from: 'last-applied',
    },
    {
      name: 'what a controller has set is left out',
      object: live(
        { spec: { replicas: 5, paused: true } },
        [
          ['kubectl-client-side-apply', 'Update', all('paused')],
          ['kube-controller-manager', 'Update', all('replicas'), 'scale'],
        ],
        applied({ ...head, spec: { replicas: 1, paused: true } }),
      ),
      want: { ...head, spec: { paused: true } },
      from: 'last-applied',
      notes: [/^\.spec\.replicas is set by a controller/],
    },
    {
      name: 'what somebody has added since, and what is gone',
      object: live(
        { spec: { template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': 'now' } } } } },
        [
          [
            'kubectl-rollout',
            'Update',
            {
              'f:spec': {
                'f:template': {
                  'f:metadata': { 'f:annotations': { '.': {}, 'f:kubectl.kubernetes.io/restartedAt': {} } },
                },
              },
            },
          ],
        ],
        applied({ ...head, spec: { paused: true } }),
      ),
      want: {
        ...head,
        spec: { template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': 'now' } } } },
      },
      from: 'last-applied',
      notes: [/^\.spec\.paused was applied once/],
    },
    {
      name: 'of an object that was created: what its maker owns, without defaults',
      object: live(
        {
          spec: {
            replicas: 1,
            progressDeadlineSeconds: 600,
            revisionHistoryLimit: 3,
            template: {
              spec: {
                restartPolicy: 'Always',
                containers: [
                  {
                    name: 'a',
                    image: 'x:1',
                    imagePullPolicy: 'IfNotPresent',
                    terminationMessagePath: '/dev/termination-log',
                  },
                ],
              },
            },
          },
        },
        [
          [
            'kubectl-create',
            'Update',
            {
              'f:spec': {
                ...(all('replicas', 'progressDeadlineSeconds', 'revisionHistoryLimit') as { 'f:spec': object })[
                  'f:spec'
                ],
                'f:template': {
                  'f:spec': {
                    'f:restartPolicy': {},
                    'f:containers': {
                      'k:{"name":"a"}': {
                        '.': {},
                        'f:name': {},
                        'f:image': {},
                        'f:imagePullPolicy': {},
                        'f:terminationMessagePath': {},
                      },
                    },
                  },
                },
              },
            },
          ],
          ['kube-controller-manager', 'Update', { 'f:status': {} }, 'status'],
        ],
      ),
      want: {
        ...head,
        spec: {
          replicas: 1,
          revisionHistoryLimit: 3,
          template: { spec: { containers: [{ name: 'a', image: 'x:1' }] } },
        },
      },
      from: 'managers',
    },
    {
      name: 'an annotation that is cut off does not count',
      object: live({ spec: { paused: true } }, [['kubectl-client-side-apply', 'Update', all('paused')]], {
        'kubectl.kubernetes.io/last-applied-configuration': '{"apiVersion":',
      }),
      want: { ...head, spec: { paused: true } },
      from: 'managers',
    },
    {
      name: 'nobody owns a field',
      object: live({ spec: { paused: true } }, []),
      want: { ...head, spec: { paused: true } },
      from: 'object',
      notes: [/all of it is taken/],
    },
  ]
  for (const { name, object, want, from, notes = [] } of rows) {
    void it(name, () => {
      const wish = wishOf(object)
      assert.deepEqual(wish.manifest, want)
      assert.equal(wish.from, from)
      if (notes.length > 0) assert.equal(wish.notes.length, notes.length, wish.notes.join())
      notes.forEach((note, index) => assert.match(wish.notes[index] ?? '', note))
    })
  }

  void it('with all that people own, where leaving it out changes something', () => {
    const object = live(
      { spec: { paused: false, progressDeadlineSeconds: 600, replicas: 2 } },
      [
        ['kubectl-client-side-apply', 'Update', all('paused', 'progressDeadlineSeconds')],
        ['kube-controller-manager', 'Update', all('replicas')],
      ],
      applied(head),
    )
    assert.deepEqual(widerWishes(object), [
      { ...head, spec: { paused: false } },
      { ...head, spec: { paused: false, progressDeadlineSeconds: 600 } },
    ])
  })

  void it('a Service loses what the server chose, and keeps what others rely on', () => {
    const service = (spec: object): KubeMap =>
      withoutDefaults({ apiVersion: 'v1', kind: 'Service', spec } as unknown as KubeMap)
    assert.deepEqual(
      service({
        clusterIP: '10.0.0.1',
        clusterIPs: ['10.0.0.1'],
        type: 'ClusterIP',
        sessionAffinity: 'None',
        ports: [{ port: 80, targetPort: 80, protocol: 'TCP', nodePort: 30_000 }],
      })['spec'],
      { ports: [{ port: 80 }] },
    )
    assert.deepEqual(
      service({
        clusterIP: 'None',
        type: 'NodePort',
        ports: [{ port: 80, targetPort: 'http', protocol: 'UDP', nodePort: 30_000 }],
      })['spec'],
      {
        clusterIP: 'None',
        type: 'NodePort',
        ports: [{ port: 80, targetPort: 'http', protocol: 'UDP', nodePort: 30_000 }],
      },
    )
  })
})

void describe('what is left when fields are taken over', () => {
  const ports = [
    { port: 80, protocol: 'TCP', nodePort: 1 },
    { port: 81, protocol: 'TCP' },
  ]
  const object = live(
    { kind: 'Service', spec: { type: 'NodePort', sessionAffinity: 'None', replicas: 2, ports } },
    [
      [
        'kubectl-client-side-apply',
        'Update',
        {
          'f:metadata': { 'f:annotations': { '.': {}, 'f:kubectl.kubernetes.io/last-applied-configuration': {} } },
          'f:spec': {
            'f:type': {},
            'f:sessionAffinity': {},
            'f:replicas': {},
            'f:ports': {
              '.': {},
              'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {}, 'f:protocol': {}, 'f:nodePort': {} },
              'k:{"port":81,"protocol":"TCP"}': { '.': {}, 'f:port': {} },
            },
          },
        },
      ],
      ['somebody', 'Update', all('replicas')],
    ],
    applied(head),
  )
  void it('goes what nobody wants; what others own stays', () => {
    const left = afterFold(
      object,
      { ...head, spec: { type: 'NodePort', ports: [{ port: 80 }] } } as unknown as KubeObject,
      'kustomize-controller',
    )
    assert.deepEqual(left['spec'], { type: 'NodePort', replicas: 2, ports: [{ port: 80 }] })
    assert.deepEqual((left['metadata'] as KubeMap)['annotations'], { 'deployment.kubernetes.io/revision': '2' })
  })
  void it('stays all that the manifest has', () => {
    const spec = { type: 'NodePort', sessionAffinity: 'None', replicas: 2, ports }
    assert.deepEqual(
      afterFold(object, { ...head, spec } as unknown as KubeObject, 'kustomize-controller')['spec'],
      spec,
    )
  })
})

void describe('objects of others', () => {
  const object = (kind: string, name: string, more: object = {}, metadata: object = {}): KubeObject =>
    ({ apiVersion: 'v1', kind, metadata: { name, namespace: 'apps', ...metadata }, ...more }) as unknown as KubeObject
  void it('are left out, with a word where somebody might miss them', () => {
    const { objects, leftOut } = sortOut([
      object('Pod', 'of-a-job', {}, { ownerReferences: [{ kind: 'Job' }] }),
      object('Deployment', 'web'),
      object('ConfigMap', 'kube-root-ca.crt'),
      object('ServiceAccount', 'default'),
      object('Secret', 'r', { type: 'helm.sh/release.v1' }),
      object('Event', 'e'),
      object(
        'ConfigMap',
        'a',
        {},
        { labels: { 'helm.toolkit.fluxcd.io/name': 'x', 'helm.toolkit.fluxcd.io/namespace': 'y' } },
      ),
      object('ConfigMap', 'b', {}, { annotations: { 'argocd.argoproj.io/tracking-id': 'shop:/ConfigMap:apps/b' } }),
      object('ConfigMap', 'c', {}, { annotations: { 'meta.helm.sh/release-name': 'r' } }),
      object('ConfigMap', 'd', {}, { deletionTimestamp: 'now' }),
      object('ConfigMap', 'own'),
    ])
    assert.deepEqual(
      objects.map((one) => one['kind']),
      ['ConfigMap', 'Deployment'],
    )
    assert.deepEqual(
      leftOut.map(({ object: what, reason }) => `${what}: ${reason}`),
      [
        'ConfigMap/apps/a: HelmRelease y/x manages it',
        'ConfigMap/apps/b: Argo CD manages it (shop)',
        'ConfigMap/apps/c: Helm release r manages it: sluice migrate helm',
        'ConfigMap/apps/d: it is being deleted',
      ],
    )
  })
  void it('files have names that every disk takes, and no two are the same', () => {
    const role = (name: string, namespace = 'apps'): KubeObject => object('Role', name, {}, { namespace })
    const files = manifestFiles([role('system:a'), role('system-a'), role('system-a', 'b/../c')])
    assert.deepEqual(
      Object.keys(files),
      ['kustomization.yaml', 'role-system-a.yaml', 'role-system-a-apps.yaml', 'role-system-a-b-..-c.yaml'].map((name) =>
        name.replace('b/../c', 'b-..-c'),
      ),
    )
    assert.match(files['kustomization.yaml'] ?? '', /resources:\n- role-system-a\.yaml\n- role-system-a-apps\.yaml\n/)
    const made = adoptiveKustomization(
      { name: 'apps', namespace: 'flux-system' },
      { kind: 'GitRepository', name: 'app', namespace: 'other' },
      './x',
    )
    assert.deepEqual((made['spec'] as KubeMap)['sourceRef'], { kind: 'GitRepository', name: 'app', namespace: 'other' })
  })
})

void describe('the HelmRelease of a release', () => {
  const found = (release: object = {}): FoundRelease =>
    ({
      storageNamespace: 'apps',
      release: {
        name: 'web',
        namespace: 'apps',
        version: 4,
        chart: { metadata: { name: 'nginx', version: '1.2.3+up1' } },
        config: { a: 1 },
        ...release,
      },
    }) as unknown as FoundRelease

  void it('has chart, version, values and name as they are', () => {
    const { source, release } = releaseManifests(found(), { repository: 'https://charts.example/stable' })
    assert.deepEqual(source?.spec, { interval: '1h', url: 'https://charts.example/stable' })
    assert.deepEqual(release, {
      apiVersion: 'helm.toolkit.fluxcd.io/v2',
      kind: 'HelmRelease',
      metadata: { name: 'web', namespace: 'apps' },
      spec: {
        interval: '10m',
        chart: { spec: { chart: 'nginx', version: '1.2.3+up1', sourceRef: { kind: 'HelmRepository', name: 'nginx' } } },
        releaseName: 'web',
        values: { a: 1 },
      },
    })
  })
  void it('of a registry, of a source that is there, and of another namespace', () => {
    assert.deepEqual(releaseManifests(found(), { repository: 'oci://r.example/charts' }).source?.spec, {
      interval: '1h',
      url: 'oci://r.example/charts',
      type: 'oci',
    })
    const artifact = releaseManifests(found(), { repository: 'oci://r.example/charts/', isArtifact: true })
    assert.deepEqual(
      [artifact.source?.kind, artifact.source?.spec.url],
      ['OCIRepository', 'oci://r.example/charts/nginx'],
    )
    assert.deepEqual({ ...artifact.source?.spec }, { ...artifact.source?.spec, ref: { tag: '1.2.3_up1' } })
    assert.deepEqual(artifact.release.spec.chartRef, { kind: 'OCIRepository', name: 'nginx' })
    const git = releaseManifests(found(), {
      source: { kind: 'GitRepository', namespace: 'flux-system', name: 'app' },
      chartPath: './charts/nginx',
    })
    assert.equal(git.source, undefined)
    assert.deepEqual(git.release.spec.chart?.spec, {
      chart: './charts/nginx',
      sourceRef: { kind: 'GitRepository', name: 'app', namespace: 'flux-system' },
    })
    const other = releaseManifests(
      { ...found({ namespace: 'elsewhere' }), storageNamespace: 'apps' },
      { repository: 'https://c.example' },
    )
    assert.deepEqual([other.release.spec.targetNamespace, other.release.spec.storageNamespace], ['elsewhere', 'apps'])
    assert.throws(
      () => releaseManifests(found(), { repository: 'https://user:secret@charts.example' }),
      (error: Error) => !error.message.includes('secret@'),
    )
    assert.throws(() => releaseManifests(found(), { repository: 'charts' }), { code: 'usage' })
    assert.throws(() => releaseManifests(found({ chart: undefined }), { repository: 'https://c.example' }), {
      code: 'release-invalid',
    })
  })
  void it('values that look secret are taken apart, and both parts together are the same', () => {
    const values = {
      auth: { password: 'x', username: 'u', existingSecret: '', deep: { apiKey: 5 } },
      tokens: 3,
      imagePullSecrets: [{ name: 'a' }],
      secretName: 's',
      empty: {},
      dbPassword: '',
    }
    const { open, secret, paths } = splitSecrets(values as never)
    assert.deepEqual(paths, ['auth.password', 'auth.deep.apiKey'])
    assert.deepEqual(secret, { auth: { password: 'x', deep: { apiKey: 5 } } })
    assert.deepEqual(open, { ...values, auth: { username: 'u', existingSecret: '' } })
  })
})
