import type { RuleName } from '../../src/plan/index.ts'

type TestObject = { readonly [field: string]: unknown }

/** What one rule of dangers is tried with: objects before and after the change. */
interface DangerousObjects {
  readonly rules: readonly RuleName[]
  readonly before: readonly TestObject[]
  readonly after: readonly TestObject[]
  /** The API server does not take the change, so that it has an application of its own. */
  readonly isRefused?: true
}

/** A repository in which a change has every danger that a plan knows: applications `risky`, `refused`, `many`, `lonely`, and `below`, whose parent is to be suspended. */
export interface DangerousChange {
  readonly base: { readonly [path: string]: string }
  /** `null`: removed. */
  readonly head: { readonly [path: string]: string | null }
  /** Every rule, with the application that it is found in. */
  readonly expected: readonly { readonly rule: RuleName; readonly application: string }[]
}

const api = {
  core: 'v1',
  apps: 'apps/v1',
  rbac: 'rbac.authorization.k8s.io/v1',
  kustomization: 'kustomize.toolkit.fluxcd.io/v1',
}

function pod(container: TestObject, more: TestObject = {}): TestObject {
  return {
    metadata: { labels: { app: 'web' } },
    spec: { containers: [{ name: 'main', image: 'nginx:1.27', ...container }], ...more },
  }
}

function deployment(name: string, template: TestObject, spec: TestObject = {}): TestObject {
  return {
    apiVersion: api.apps,
    kind: 'Deployment',
    metadata: { name },
    spec: { replicas: 1, selector: { matchLabels: { app: 'web' } }, template, ...spec },
  }
}

function statefulSet(name: string, storage: string, spec: TestObject = {}): TestObject {
  return {
    apiVersion: api.apps,
    kind: 'StatefulSet',
    metadata: { name },
    spec: {
      replicas: 0,
      serviceName: name,
      selector: { matchLabels: { app: 'web' } },
      template: pod({}),
      volumeClaimTemplates: [
        {
          metadata: { name: 'data' },
          spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } },
        },
      ],
      ...spec,
    },
  }
}

function definition(
  group: string,
  versions: readonly { readonly name: string; readonly served: boolean }[],
): TestObject {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `things.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind: 'Thing', plural: 'things', singular: 'thing', listKind: 'ThingList' },
      versions: versions.map((one, index) => ({
        ...one,
        storage: index === versions.length - 1,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      })),
    },
  }
}

function role(name: string, rules: readonly TestObject[]): TestObject {
  return { apiVersion: api.rbac, kind: 'Role', metadata: { name }, rules }
}

function binding(name: string, roleRef: TestObject, subjects: readonly TestObject[]): TestObject {
  return {
    apiVersion: api.rbac,
    kind: 'RoleBinding',
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', ...roleRef },
    subjects,
  }
}

const user = (name: string): TestObject => ({ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name })
const group = (name: string): TestObject => ({ kind: 'Group', apiGroup: 'rbac.authorization.k8s.io', name })
const readPods = { apiGroups: [''], resources: ['pods'], verbs: ['get'] }

function workloads(): readonly DangerousObjects[] {
  const pinned = 'nginx:1.27@sha256:' + 'a'.repeat(64)
  return [
    {
      rules: ['replicas-zero'],
      before: [deployment('scaled', pod({}))],
      after: [deployment('scaled', pod({}), { replicas: 0 })],
    },
    {
      rules: ['image-floating'],
      before: [deployment('floating', pod({}))],
      after: [deployment('floating', pod({ image: 'nginx:latest' }))],
    },
    {
      rules: ['image-digest-lost'],
      before: [deployment('pinned', pod({ image: pinned }))],
      after: [deployment('pinned', pod({ image: 'nginx:1.28' }))],
    },
    {
      rules: ['privileged'],
      before: [deployment('privileged', pod({}))],
      after: [deployment('privileged', pod({ securityContext: { privileged: true } }))],
    },
    {
      rules: ['host-access'],
      before: [deployment('host', pod({}))],
      after: [deployment('host', pod({}, { hostPID: true }))],
    },
    {
      rules: ['disruption-budget'],
      before: [],
      after: [
        {
          apiVersion: 'policy/v1',
          kind: 'PodDisruptionBudget',
          metadata: { name: 'strict' },
          spec: { maxUnavailable: 0, selector: { matchLabels: { app: 'web' } } },
        },
      ],
    },
    {
      rules: ['reference-removal'],
      before: [
        { apiVersion: api.core, kind: 'ConfigMap', metadata: { name: 'used' }, data: { a: 'b' } },
        deployment('user', pod({ envFrom: [{ configMapRef: { name: 'used' } }] })),
      ],
      after: [deployment('user', pod({ envFrom: [{ configMapRef: { name: 'used' } }] }))],
    },
    {
      rules: ['finalizer-removal'],
      before: [
        {
          apiVersion: api.core,
          kind: 'ConfigMap',
          metadata: { name: 'guarded', finalizers: ['example.com/cleans-up'] },
        },
      ],
      after: [{ apiVersion: api.core, kind: 'ConfigMap', metadata: { name: 'guarded', finalizers: [] } }],
    },
  ]
}

function network(prefix: string): readonly DangerousObjects[] {
  const service = (name: string, spec: TestObject): TestObject => ({
    apiVersion: api.core,
    kind: 'Service',
    metadata: { name },
    spec: { selector: { app: 'web' }, ports: [{ port: 80 }], ...spec },
  })
  const ingress = (...hosts: readonly string[]): TestObject => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name: 'web' },
    spec: {
      rules: hosts.map((host) => ({
        host,
        http: {
          paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'web', port: { number: 80 } } } }],
        },
      })),
    },
  })
  return [
    { rules: ['service-type'], before: [service('typed', {})], after: [service('typed', { type: 'NodePort' })] },
    {
      rules: ['service-selector'],
      before: [service('selecting', {})],
      after: [service('selecting', { selector: { app: 'other' } })],
    },
    { rules: ['host-removal'], before: [ingress('a.example.com', 'b.example.com')], after: [ingress('a.example.com')] },
    {
      rules: ['webhook-fail-closed'],
      before: [],
      after: [
        {
          apiVersion: 'admissionregistration.k8s.io/v1',
          kind: 'ValidatingWebhookConfiguration',
          metadata: { name: `${prefix}-closed` },
          webhooks: [
            {
              name: 'closed.example.com',
              admissionReviewVersions: ['v1'],
              sideEffects: 'None',
              failurePolicy: 'Fail',
              clientConfig: { url: 'https://closed.example.com/' },
              rules: [
                {
                  apiGroups: [`${prefix}.example.com`],
                  apiVersions: ['v1'],
                  operations: ['CREATE'],
                  resources: ['nothing'],
                },
              ],
            },
          ],
        },
      ],
    },
  ]
}

function data(prefix: string): readonly DangerousObjects[] {
  const claim = (name: string, storage: string): TestObject => ({
    apiVersion: api.core,
    kind: 'PersistentVolumeClaim',
    metadata: { name },
    spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'none', resources: { requests: { storage } } },
  })
  const both = `both.${prefix}.example.com`
  return [
    { rules: ['delete-data'], before: [claim('precious', '1Gi')], after: [] },
    {
      rules: ['data-retention'],
      before: [statefulSet('kept', '1Gi')],
      after: [
        statefulSet('kept', '1Gi', {
          persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Retain' },
        }),
      ],
    },
    {
      rules: ['definition-removal'],
      before: [definition(`gone.${prefix}.example.com`, [{ name: 'v1', served: true }])],
      after: [],
    },
    {
      rules: ['definition-version-removal'],
      before: [
        definition(both, [
          { name: 'v1', served: true },
          { name: 'v2', served: true },
        ]),
      ],
      after: [
        definition(both, [
          { name: 'v1', served: false },
          { name: 'v2', served: true },
        ]),
      ],
    },
    {
      rules: ['namespace-deletion'],
      before: [{ apiVersion: api.core, kind: 'Namespace', metadata: { name: `${prefix}-doomed` } }],
      after: [],
    },
    {
      rules: ['storage-shrink'],
      before: [claim('shrinking', '2Gi')],
      after: [claim('shrinking', '1Gi')],
      isRefused: true,
    },
    {
      rules: ['volume-claim-templates'],
      before: [statefulSet('resized', '1Gi')],
      after: [statefulSet('resized', '2Gi')],
      isRefused: true,
    },
    {
      rules: ['immutable-field'],
      before: [deployment('fixed', pod({}))],
      after: [
        deployment(
          'fixed',
          { ...pod({}), metadata: { labels: { app: 'other' } } },
          { selector: { matchLabels: { app: 'other' } } },
        ),
      ],
      isRefused: true,
    },
    {
      rules: ['autoscaler-zero'],
      before: [autoscaler(1)],
      after: [autoscaler(0)],
      isRefused: true,
    },
  ]
}

function autoscaler(minReplicas: number): TestObject {
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'scaler' },
    spec: {
      minReplicas,
      maxReplicas: 3,
      scaleTargetRef: { apiVersion: api.apps, kind: 'Deployment', name: 'fixed' },
      metrics: [
        { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } },
      ],
    },
  }
}

function rights(prefix: string): readonly DangerousObjects[] {
  const clusterRole = (name: string, labels: TestObject): TestObject => ({
    apiVersion: api.rbac,
    kind: 'ClusterRole',
    metadata: { name: `${prefix}-${name}`, labels },
    rules: [readPods],
  })
  const reader = { kind: 'Role', name: 'reader' }
  return [
    {
      rules: ['rbac-widening'],
      before: [role('reader', [readPods])],
      after: [role('reader', [{ ...readPods, verbs: ['get', 'list'] }])],
    },
    {
      rules: ['rbac-wildcard'],
      before: [role('wild', [readPods])],
      after: [role('wild', [{ ...readPods, verbs: ['*'] }])],
    },
    {
      rules: ['rbac-escalation'],
      before: [role('climber', [readPods])],
      after: [role('climber', [readPods, { apiGroups: [''], resources: ['pods/exec'], verbs: ['create'] }])],
    },
    {
      rules: ['rbac-cluster-admin'],
      before: [],
      after: [binding('admins', { kind: 'ClusterRole', name: 'cluster-admin' }, [user('ada')])],
    },
    {
      rules: ['rbac-subjects'],
      before: [binding('readers', reader, [user('ada')])],
      after: [binding('readers', reader, [user('ada'), user('bob')])],
    },
    {
      rules: ['rbac-everyone'],
      before: [binding('open', reader, [user('ada')])],
      after: [binding('open', reader, [user('ada'), group('system:authenticated')])],
    },
    {
      rules: ['rbac-aggregation'],
      before: [clusterRole('part', {})],
      after: [clusterRole('part', { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' })],
    },
  ]
}

function print(objects: readonly TestObject[]): string {
  return objects.map((object) => `---\n${JSON.stringify(object, undefined, 2)}\n`).join('')
}

/**
 * Makes the repository. `prefix` keeps objects of the whole cluster apart from those of others; the applications are Kustomizations of `namespace`, from the GitRepository `app`, and put what has no namespace into it.
 */
export function dangerousChange(namespace: string, prefix: string): DangerousChange {
  const all = [...workloads(), ...network(prefix), ...data(prefix), ...rights(prefix)]
  const risky = all.filter(({ isRefused }) => isRefused !== true)
  const refused = all.filter(({ isRefused }) => isRefused === true)
  const configMap = (name: string, value: string): TestObject => ({
    apiVersion: api.core,
    kind: 'ConfigMap',
    metadata: { name },
    data: { value },
  })
  const kustomization = (name: string, spec: TestObject = {}): TestObject => ({
    apiVersion: api.kustomization,
    kind: 'Kustomization',
    metadata: { name, namespace },
    spec: {
      interval: '1h',
      path: `./${name}`,
      prune: true,
      targetNamespace: namespace,
      sourceRef: { kind: 'GitRepository', name: 'app' },
      ...spec,
    },
  })
  const many = Array.from({ length: 12 }, (_, index) => configMap(`many-${index}`, 'before'))
  const missing = { dependsOn: [{ name: 'nothing' }] }
  return {
    base: {
      'clusters/one/apps.yaml': print([
        kustomization('risky'),
        kustomization('refused'),
        kustomization('many'),
        kustomization('lonely', missing),
        kustomization('parent', { path: './parent' }),
      ]),
      'parent/below.yaml': print([kustomization('below')]),
      'risky/objects.yaml': print(risky.flatMap(({ before }) => before)),
      'refused/objects.yaml': print(refused.flatMap(({ before }) => before)),
      'many/objects.yaml': print(many),
      'lonely/objects.yaml': print([configMap('lonely', 'before')]),
      'below/objects.yaml': print([configMap('below', 'before')]),
    },
    head: {
      'risky/objects.yaml': print(risky.flatMap(({ after }) => after)),
      'refused/objects.yaml': print(refused.flatMap(({ after }) => after)),
      'many/objects.yaml': print(many.slice(0, 1)),
      'lonely/objects.yaml': print([configMap('lonely', 'after')]),
      'below/objects.yaml': print([configMap('below', 'after')]),
    },
    expected: [
      ...risky.flatMap(({ rules }) => rules.map((rule) => ({ rule, application: 'risky' }))),
      ...refused.flatMap(({ rules }) => rules.map((rule) => ({ rule, application: 'refused' }))),
      { rule: 'prune-many', application: 'many' },
      { rule: 'dependency-never-ready', application: 'lonely' },
      { rule: 'suspended-parent', application: 'below' },
    ],
  }
}
