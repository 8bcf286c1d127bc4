import { raw, type ApplicationInput, type RuleName } from '../../../src/plan/index.ts'
import { deployment, sides, type Sides } from './inputs.ts'

/** One case of a rule: what it is given, and how many findings there must be. */
export interface Row {
  readonly name: string
  readonly objects: readonly Sides[]
  readonly finds: number
  readonly more?: Partial<ApplicationInput>
}

const yes = (name: string, ...objects: readonly Sides[]): Row => ({ name, objects, finds: 1 })
const no = (name: string, ...objects: readonly Sides[]): Row => ({ name, objects, finds: 0 })
const withMore = (row: Row, more: Partial<ApplicationInput>): Row => ({ ...row, more })
/** A change of an object in the cluster, with the dry-run's answer. */
const change = (base: string, head: string): Sides => ({ base, head, live: base, result: head })
const created = (head: string): Sides => ({ head, result: head })
const deleted = (base: string): Sides => ({ base, live: base })

const meta = 'metadata: {name: x, namespace: shop}'
const claim = (size: string, more = ''): string =>
  `{apiVersion: v1, kind: PersistentVolumeClaim, ${meta}, spec: {resources: {requests: {storage: ${size}}}${more}}}`
const set = (size: string, more = ''): string =>
  `{apiVersion: apps/v1, kind: StatefulSet, ${meta}, spec: {replicas: 1, volumeClaimTemplates: [{metadata: {name: data}, spec: {resources: {requests: {storage: ${size}}}}}]${more}}}`
const volume = (policy: string): string =>
  `{apiVersion: v1, kind: PersistentVolume, metadata: {name: x}, spec: {persistentVolumeReclaimPolicy: ${policy}}}`
const definition = (...versions: readonly string[]): string =>
  `{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: a.example.com}, spec: {versions: [${versions.join(', ')}]}}`
const version = (name: string, served = true, storage = false): string =>
  `{name: ${name}, served: ${served}, storage: ${storage}}`
const role = (rules: string, more = ''): string =>
  `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: x${more}}, rules: [${rules}]}`
const grant = (verbs: string, resources = 'pods', groups = '""'): string =>
  `{apiGroups: [${groups}], resources: [${resources}], verbs: [${verbs}]}`
const binding = (name: string, ...subjects: readonly string[]): string =>
  `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: x}, roleRef: {kind: ClusterRole, name: ${name}}, subjects: [${subjects.map((one) => `{kind: Group, name: "${one}"}`).join(', ')}]}`
const namespace = '{apiVersion: v1, kind: Namespace, metadata: {name: shop}}'
const map = (name: string, data = '{a: b}'): string =>
  `{apiVersion: v1, kind: ConfigMap, metadata: {name: ${name}, namespace: shop}, data: ${data}}`
const secret = (name: string): string =>
  `{apiVersion: v1, kind: Secret, metadata: {name: ${name}, namespace: shop}, data: {a: Yg==}}`
const scaler = (least: number): string =>
  `{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, ${meta}, spec: {minReplicas: ${least}}}`
const budget = (spec: string): string =>
  `{apiVersion: policy/v1, kind: PodDisruptionBudget, ${meta}, spec: {selector: {matchLabels: {app: web}}, ${spec}}}`
const pod = (container: string, spec = ''): string => deployment(1, 'web:1', `${container}${spec}`)
const service = (spec: string): string => `{apiVersion: v1, kind: Service, ${meta}, spec: {${spec}}}`
const ingress = (...hosts: readonly string[]): string =>
  `{apiVersion: networking.k8s.io/v1, kind: Ingress, ${meta}, spec: {rules: [${hosts.map((host) => `{host: ${host}}`).join(', ')}]}}`
const route = (...hosts: readonly string[]): string =>
  `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, ${meta}, spec: {hostnames: [${hosts.join(', ')}]}}`
const finalized = (...names: readonly string[]): string =>
  `{apiVersion: v1, kind: ConfigMap, metadata: {name: x, namespace: shop, finalizers: [${names.join(', ')}]}}`
const webhook = (policy: string): string =>
  `{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {name: x}, webhooks: [{name: a.example.com${policy}}]}`
const user = (kind: string, name: string): string =>
  deployment(1, 'web:1', `        envFrom: [{${kind}: {name: ${name}}}]\n`)
const many = (count: number): Sides[] => Array.from({ length: count }, (_, at) => deleted(map(`m${at}`)))
const kept = change(map('kept'), map('kept'))
const parent = { kind: 'Kustomization', namespace: 'flux-system', name: 'infra' }
const words = (count: number): string => Array.from({ length: count }, (_, at) => `w${at}`).join(', ')
const digest = `@sha256:${'0'.repeat(64)}`

/** Rows of each rule: what it must find, and what it must not. */
export const rows: { readonly [rule in RuleName]: readonly Row[] } = {
  'delete-data': [
    yes('a claim', deleted(claim('1Gi')), kept),
    yes('a volume', deleted(volume('Retain')), kept),
    yes('a set', deleted(set('1Gi')), kept),
    withMore(
      yes('a claim that is recreated', {
        base: claim('1Gi', ', storageClassName: a'),
        head: claim('1Gi', ', storageClassName: b'),
      }),
      { live: 'not-asked', force: true },
    ),
    no('a ConfigMap', deleted(map('m')), kept),
    no('a claim that grows', change(claim('1Gi'), claim('2Gi'))),
    withMore(no('a claim that stays', deleted(claim('1Gi'))), { prune: false }),
  ],
  'immutable-field': [
    yes('a selector', {
      base: deployment(1),
      head: deployment(1).replace('matchLabels: {app: web}', 'matchLabels: {app: other}'),
      live: deployment(1),
    }),
    withMore(yes('roleRef, from Git alone', { base: binding('a'), head: binding('b') }), { live: 'not-asked' }),
    withMore(
      yes('an immutable ConfigMap', {
        base: `${map('m').slice(0, -1)}, immutable: true}`,
        head: `${map('m', '{a: c}').slice(0, -1)}, immutable: true}`,
      }),
      { live: 'not-asked' },
    ),
    withMore(yes('a set', { base: set('1Gi'), head: set('2Gi') }), { live: 'not-asked' }),
    withMore(no('a set that scales', { base: set('1Gi'), head: set('1Gi').replace('replicas: 1', 'replicas: 2') }), {
      live: 'not-asked',
    }),
    no('what the server takes', change(deployment(1), deployment(2))),
    no('a new object', created(deployment(1))),
  ],
  'volume-claim-templates': [
    yes('another size', change(set('1Gi'), set('2Gi'))),
    yes('a new one', change(set('1Gi'), set('1Gi').replace('[{metadata', '[{metadata: {name: more}}, {metadata'))),
    no('the same', change(set('1Gi'), set('1Gi', ', minReadySeconds: 3'))),
    no('defaults of the server', {
      base: set('1Gi'),
      head: set('1Gi', ', minReadySeconds: 3'),
      live: set('1Gi').replace('spec: {resources', 'spec: {volumeMode: Filesystem, resources'),
      result: set('1Gi', ', minReadySeconds: 3'),
    }),
  ],
  'storage-shrink': [
    yes('a claim', change(claim('2Gi'), claim('1Gi'))),
    yes('a claim in other units', change(claim('1Gi'), claim('1G'))),
    yes('a set', change(set('2Gi'), set('500Mi'))),
    no('growing', change(claim('1Gi'), claim('1.5Gi'))),
    no('another spelling', change(claim('1Gi'), claim('1024Mi'))),
    no('new', created(claim('1Gi'))),
  ],
  'data-retention': [
    yes('a volume', change(volume('Retain'), volume('Delete'))),
    yes('a set', change(set('1Gi'), set('1Gi', ', persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete}'))),
    yes('a new set', created(set('1Gi', ', persistentVolumeClaimRetentionPolicy: {whenScaled: Delete}'))),
    no('a volume that is kept', change(volume('Delete'), volume('Retain'))),
    no(
      'a set that keeps',
      change(set('1Gi'), set('1Gi', ', persistentVolumeClaimRetentionPolicy: {whenDeleted: Retain}')),
    ),
  ],
  'definition-removal': [
    yes('deleted', deleted(definition(version('v1', true, true))), kept),
    no('changed', change(definition(version('v1', true, true)), definition(version('v1', true, true), version('v2')))),
    no('a ConfigMap', deleted(map('m')), kept),
  ],
  'definition-version-removal': [
    yes('gone', change(definition(version('v1'), version('v2', true, true)), definition(version('v2', true, true)))),
    yes(
      'not served',
      change(
        definition(version('v1'), version('v2', true, true)),
        definition(version('v1', false), version('v2', true, true)),
      ),
    ),
    yes(
      'not stored',
      change(
        definition(version('v1', true, true), version('v2')),
        definition(version('v1'), version('v2', true, true)),
      ),
    ),
    no(
      'a version more',
      change(definition(version('v1', true, true)), definition(version('v1', true, true), version('v2'))),
    ),
    no('new', created(definition(version('v1', true, true)))),
  ],
  'rbac-widening': [
    yes('a verb', change(role(grant('get')), role(grant('get, delete')))),
    yes('a resource', change(role(grant('get')), role(grant('get', 'pods, secrets')))),
    yes('a group', change(role(grant('get')), role(grant('get', 'pods', '"", apps')))),
    yes(
      'all names',
      change(role('{apiGroups: [""], resources: [pods], resourceNames: [a], verbs: [get]}'), role(grant('get'))),
    ),
    yes('a URL', change(role(grant('get')), role(`${grant('get')}, {nonResourceURLs: [/metrics], verbs: [get]}`))),
    yes('a new role', created(role(grant('get')))),
    no('less', change(role(grant('get, list')), role(grant('get')))),
    no('the same, in two rules', change(role(grant('get, list')), role(`${grant('get')}, ${grant('list')}`))),
    no('what a wildcard held', change(role(grant('"*"')), role(grant('get')))),
    no(
      'a URL below',
      change(role('{nonResourceURLs: ["/a/*"], verbs: [get]}'), role('{nonResourceURLs: [/a/b], verbs: [get]}')),
    ),
    no('a moved role', change(role(grant('get')), role(grant('get'), ', labels: {a: b}'))),
  ],
  'rbac-wildcard': [
    yes('verbs', change(role(grant('get')), role(grant('"*"')))),
    yes('resources', change(role(grant('get')), role(grant('get', '"*"')))),
    yes('groups', created(role(grant('get', 'pods', '"*"')))),
    yes('more than can be looked at', created(role(grant(words(70), words(70))))),
    no('had it', change(role(grant('"*"')), role(grant('"*"'), ', labels: {a: b}'))),
    no('none', change(role(grant('get')), role(grant('list')))),
  ],
  'rbac-escalation': [
    ...['escalate', 'bind', 'impersonate'].map((verb) =>
      yes(verb, change(role(grant('get')), role(grant(verb, 'roles')))),
    ),
    yes('tokens', created(role(grant('create', 'serviceaccounts/token')))),
    yes('exec', created(role(grant('create', 'pods/exec')))),
    yes('certificates', created(role(grant('update', 'certificatesigningrequests/approval', 'certificates.k8s.io')))),
    no('reading', created(role(grant('get, list, watch', 'roles, pods, serviceaccounts')))),
    no('had it', change(role(grant('bind')), role(grant('bind'), ', labels: {a: b}'))),
  ],
  'rbac-cluster-admin': [
    yes('a new binding', created(binding('cluster-admin', 'ops'))),
    yes('another subject', change(binding('cluster-admin', 'ops'), binding('cluster-admin', 'ops', 'dev'))),
    no('another role', created(binding('view', 'ops'))),
    no('fewer', change(binding('cluster-admin', 'ops', 'dev'), binding('cluster-admin', 'ops'))),
  ],
  'rbac-subjects': [
    yes('another subject', change(binding('view', 'ops'), binding('view', 'ops', 'dev'))),
    yes('another role', change(binding('view', 'ops'), binding('edit', 'ops'))),
    no('fewer', change(binding('view', 'ops', 'dev'), binding('view', 'ops'))),
    no('another order', change(binding('view', 'ops', 'dev'), binding('view', 'dev', 'ops'))),
  ],
  'rbac-everyone': [
    yes('without a login', created(binding('view', 'system:unauthenticated'))),
    yes('with any login', change(binding('view', 'ops'), binding('view', 'ops', 'system:authenticated'))),
    no('one service account', created(binding('view', 'system:serviceaccounts:shop'))),
    no('had it', change(binding('view', 'system:authenticated', 'ops'), binding('view', 'system:authenticated'))),
  ],
  'rbac-aggregation': [
    yes(
      'a label',
      change(
        role(grant('get')),
        role(grant('get'), ', labels: {rbac.authorization.k8s.io/aggregate-to-admin: "true"}'),
      ),
    ),
    yes(
      'a rule',
      change(role(''), `${role('').slice(0, -1)}, aggregationRule: {clusterRoleSelectors: [{matchLabels: {a: b}}]}}`),
    ),
    no('another label', change(role(grant('get')), role(grant('get'), ', labels: {a: b}'))),
    no(
      'the label goes',
      change(role(grant('get'), ', labels: {rbac.authorization.k8s.io/aggregate-to-view: "true"}'), role(grant('get'))),
    ),
  ],
  'namespace-deletion': [
    yes('deleted', deleted(namespace), kept),
    withMore(no('not pruned', deleted(namespace)), { prune: false }),
    no('created', created(namespace)),
  ],
  'prune-many': [
    yes('ten', ...many(10), kept),
    yes('all', ...many(2)),
    no('nine', ...many(9), kept),
    no('the only one', ...many(1)),
    withMore(no('not pruned', ...many(12)), { prune: false }),
  ],
  'replicas-zero': [
    yes('from two', change(deployment(2), deployment(0))),
    yes('from the default', change(deployment(2).replace('  replicas: 2\n', ''), deployment(0))),
    no('from zero', change(deployment(0), deployment(0, 'web:2'))),
    no('new', created(deployment(0))),
    no('to one', change(deployment(2), deployment(1))),
    no('left to an autoscaler', change(deployment(2), deployment(2).replace('  replicas: 2\n', ''))),
  ],
  'autoscaler-zero': [
    yes('changed', change(scaler(1), scaler(0))),
    yes('new', created(scaler(0))),
    no('one', change(scaler(2), scaler(1))),
    no('had it', change(scaler(0), scaler(0).replace('minReplicas: 0', 'minReplicas: 0, maxReplicas: 3'))),
  ],
  'disruption-budget': [
    yes('none unavailable', created(budget('maxUnavailable: 0'))),
    yes('none of a hundred', created(budget('maxUnavailable: "0%"'))),
    yes('all available', created(budget('minAvailable: 100%'))),
    yes('as many as there are', created(budget('minAvailable: 2')), change(deployment(2), deployment(2))),
    no('one less', created(budget('minAvailable: 1')), change(deployment(2), deployment(2))),
    no('one unavailable', created(budget('maxUnavailable: 1'))),
    no(
      'of others',
      created(budget('minAvailable: 2')),
      change(deployment(2).replaceAll('app: web', 'app: other'), deployment(2).replaceAll('app: web', 'app: other')),
    ),
  ],
  'suspended-parent': [
    withMore(yes('one', change(deployment(1), deployment(2))), { suspendedParents: [parent] }),
    no('none', change(deployment(1), deployment(2))),
  ],
  'dependency-never-ready': [
    withMore(yes('one', change(deployment(1), deployment(2))), {
      deadDependencies: [{ ...parent, why: raw('does not exist') }],
    }),
    no('none', change(deployment(1), deployment(2))),
  ],
  'image-floating': [
    yes('latest', change(deployment(1), deployment(1, 'web:latest'))),
    yes('no tag', change(deployment(1), deployment(1, 'registry.example.com:5000/web'))),
    yes('new', created(deployment(1, 'web'))),
    no('a digest', change(deployment(1), deployment(1, `web${digest}`))),
    no('a tag', change(deployment(1), deployment(1, 'web:2'))),
    no('had it', change(deployment(1, 'web:latest'), deployment(2, 'web:latest'))),
  ],
  'image-digest-lost': [
    yes('a tag instead', change(deployment(1, `web:1${digest}`), deployment(1, 'web:2'))),
    no('another digest', change(deployment(1, `web${digest}`), deployment(1, `web@sha256:${'1'.repeat(64)}`))),
    no('never had one', change(deployment(1, 'web:1'), deployment(1, 'web:2'))),
  ],
  privileged: [
    yes('privileged', change(pod(''), pod('        securityContext: {privileged: true}\n'))),
    yes('a capability', change(pod(''), pod('        securityContext: {capabilities: {add: [SYS_ADMIN]}}\n'))),
    yes('new', created(pod('        securityContext: {privileged: true}\n'))),
    no(
      'had it',
      change(
        pod('        securityContext: {privileged: true}\n'),
        pod('        securityContext: {privileged: true}\n        tty: true\n'),
      ),
    ),
    no(
      'a small capability',
      change(pod(''), pod('        securityContext: {capabilities: {add: [NET_BIND_SERVICE]}}\n')),
    ),
    no('not', change(pod(''), pod('        securityContext: {privileged: false}\n'))),
  ],
  'host-access': [
    yes('network', change(pod(''), pod('', '      hostNetwork: true\n'))),
    yes('a path', change(pod(''), pod('', '      volumes: [{name: v, hostPath: {path: /etc}}]\n'))),
    yes(
      'another path',
      change(
        pod('', '      volumes: [{name: v, hostPath: {path: /var/log}}]\n'),
        pod('', '      volumes: [{name: v, hostPath: {path: /}}]\n'),
      ),
    ),
    no('had it', change(pod('', '      hostPID: true\n'), pod('        tty: true\n', '      hostPID: true\n'))),
    no('another volume', change(pod(''), pod('', '      volumes: [{name: v, emptyDir: {}}]\n'))),
  ],
  'service-type': [
    yes('public', change(service('ports: []'), service('type: LoadBalancer'))),
    yes('not public', change(service('type: LoadBalancer'), service('type: ClusterIP'))),
    no('the default said', change(service('ports: []'), service('type: ClusterIP'))),
    no('new', created(service('type: LoadBalancer'))),
  ],
  'service-selector': [
    yes('another', change(service('selector: {app: a}'), service('selector: {app: b}'))),
    yes('none', change(service('selector: {app: a}'), service('ports: []'))),
    no('another order', change(service('selector: {a: b, c: d}'), service('selector: {c: d, a: b}, type: ClusterIP'))),
    no('new', created(service('selector: {app: a}'))),
  ],
  'host-removal': [
    yes('a rule', change(ingress('a.example.com', 'b.example.com'), ingress('a.example.com'))),
    yes('deleted', deleted(ingress('a.example.com')), kept),
    yes('of a route', change(route('a.example.com', 'b.example.com'), route('a.example.com'))),
    no('one more', change(ingress('a.example.com'), ingress('a.example.com', 'b.example.com'))),
    no('served by a route from now on', deleted(ingress('a.example.com')), created(route('a.example.com'))),
  ],
  'reference-removal': [
    yes('a Secret', deleted(secret('s')), change(user('secretRef', 's'), user('secretRef', 's'))),
    yes('a ConfigMap', deleted(map('m')), change(user('configMapRef', 'm'), user('configMapRef', 'm'))),
    yes('of an Ingress', deleted(secret('s')), created(ingress('a').replace('rules', 'tls: [{secretName: s}], rules'))),
    yes(
      'values of a release',
      deleted(secret('s')),
      created(
        `{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, ${meta}, spec: {valuesFrom: [{kind: Secret, name: s}]}}`,
      ),
    ),
    no('used no more', deleted(secret('s')), change(user('secretRef', 's'), deployment(1))),
    no('of another kind', deleted(map('m')), change(user('secretRef', 'm'), user('secretRef', 'm'))),
    no(
      'of another namespace',
      deleted(secret('s').replace('namespace: shop', 'namespace: other')),
      change(user('secretRef', 's'), user('secretRef', 's')),
    ),
    no('optional', deleted(secret('s')), created(user('secretRef', 's').replace('name: s', 'name: s, optional: true'))),
  ],
  'finalizer-removal': [
    yes('one of two', change(finalized('a.example.com/x', 'b.example.com/x'), finalized('a.example.com/x'))),
    no('one more', change(finalized(), finalized('a.example.com/x'))),
    no('of somebody else', { base: map('x'), head: map('x', '{a: c}'), live: finalized('a.example.com/x') }),
    no('deleted', deleted(finalized('a.example.com/x')), kept),
  ],
  'webhook-fail-closed': [
    yes('new, by default', created(webhook(''))),
    yes('changed', change(webhook(', failurePolicy: Ignore'), webhook(', failurePolicy: Fail'))),
    no('open', created(webhook(', failurePolicy: Ignore'))),
    no('had it', change(webhook(''), webhook(', failurePolicy: Fail, sideEffects: None'))),
  ],
}

/** The input of a row. */
export const inputsOf = ({ objects }: Row) => objects.map(sides)
