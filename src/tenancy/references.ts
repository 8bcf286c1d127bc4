import type {
  Alert,
  Bucket,
  ExternalArtifact,
  GitRepository,
  HelmChart,
  HelmRelease,
  HelmRepository,
  Kustomization,
  OciRepository,
  Provider,
  Receiver,
} from '../api/index.ts'

/** The objects that a policy judges: every kind of ours. */
export type Subject =
  | Alert
  | Bucket
  | ExternalArtifact
  | GitRepository
  | HelmChart
  | HelmRelease
  | HelmRepository
  | Kustomization
  | OciRepository
  | Provider
  | Receiver

/** A reference to another object, with the field that holds it. */
export interface Reference {
  readonly field: string
  readonly kind: string
  /** Undefined: the object's own namespace. */
  readonly namespace: string | undefined
  readonly name: string
}

/** A value and its field. */
export interface Given {
  readonly field: string
  readonly value: string
}

/** Everything in an object that a policy has an opinion on, whatever its kind. */
export interface Facts {
  readonly references: readonly Reference[]
  /** Namespaces that objects are put into. */
  readonly targets: readonly Given[]
  /** URLs that something is fetched from. */
  readonly urls: readonly Given[]
  /** The service account that objects are applied as. */
  readonly account: Given | undefined
  /** Fields that choose another cluster. */
  readonly remoteClusters: readonly string[]
  /** Fields that have a namespace made. */
  readonly newNamespaces: readonly Given[]
  /** Fields that have the deployment's own credentials used. */
  readonly platformCredentials: readonly string[]
}

const none: Facts = {
  references: [],
  targets: [],
  urls: [],
  account: undefined,
  remoteClusters: [],
  newNamespaces: [],
  platformCredentials: [],
}

/**
 * Reads what a policy has an opinion on. Objects come from clusters and from renders: fields may be missing or of another type than the schema says, and then say nothing, since such an object is refused elsewhere.
 *
 * @param dependencies those of the annotation `sluice.dev/depends-on`, as ids `Kind/namespace/name`.
 */
export function factsOf(object: Subject, dependencies: readonly string[] = []): Facts {
  const facts = byKind(object)
  if (dependencies.length === 0) return facts
  const more = dependencies.map((id): Reference => {
    const [kind = '', namespace = '', name = ''] = id.split('/')
    return { field: 'metadata.annotations[sluice.dev/depends-on]', kind, namespace, name }
  })
  return { ...facts, references: [...facts.references, ...more] }
}

function byKind(object: Subject): Facts {
  switch (object.kind) {
    case 'Kustomization':
      return factsOfKustomization(object)
    case 'HelmRelease':
      return factsOfHelmRelease(object)
    case 'GitRepository':
      return factsOfGitRepository(object)
    case 'OCIRepository':
    case 'HelmRepository':
      return { ...none, urls: urlOf(object.spec.url), platformCredentials: cloudLogin(object.spec) }
    case 'Bucket':
      return factsOfBucket(object)
    case 'ExternalArtifact':
      // Whoever writes the status says where it is fetched from.
      return { ...none, urls: urlOf(object.status?.artifact?.url, 'status.artifact.url') }
    case 'Receiver':
      return { ...none, references: referencesIn(object.spec.resources, 'spec.resources') }
    case 'Alert':
      return { ...none, references: referencesIn(object.spec.eventSources, 'spec.eventSources') }
    case 'HelmChart':
    case 'Provider':
      return none
  }
}

function factsOfKustomization({ kind, spec }: Kustomization): Facts {
  const { sourceRef, decryption } = spec
  const hasKeys = decryption?.secretRef !== undefined || (decryption?.serviceAccountName ?? '') !== ''
  return {
    ...none,
    references: [
      ...referencesIn(sourceRef === undefined ? [] : [sourceRef], 'spec.sourceRef', false),
      ...dependenciesIn(kind, spec.dependsOn),
      ...referencesIn(spec.healthChecks, 'spec.healthChecks'),
    ],
    targets: given('spec.targetNamespace', spec.targetNamespace),
    account: given('spec.serviceAccountName', spec.serviceAccountName)[0],
    remoteClusters: isPresent(spec.kubeConfig) ? ['spec.kubeConfig'] : [],
    platformCredentials: !isPresent(decryption) || hasKeys ? [] : ['spec.decryption'],
  }
}

function factsOfHelmRelease({ kind, metadata, spec }: HelmRelease): Facts {
  const sourceRef = spec.chart?.spec?.sourceRef
  const namespace = metadata.namespace ?? ''
  const isNewNamespace = spec.install?.createNamespace === true && (spec.targetNamespace ?? namespace) !== namespace
  return {
    ...none,
    references: [
      ...referencesIn(sourceRef === undefined ? [] : [sourceRef], 'spec.chart.spec.sourceRef', false),
      ...referencesIn(spec.chartRef === undefined ? [] : [spec.chartRef], 'spec.chartRef', false),
      ...dependenciesIn(kind, spec.dependsOn),
    ],
    targets: [
      ...given('spec.targetNamespace', spec.targetNamespace),
      ...given('spec.storageNamespace', spec.storageNamespace),
    ],
    newNamespaces: isNewNamespace ? given('spec.install.createNamespace', spec.targetNamespace) : [],
    urls: urlOf(spec.chart?.spec?.url, 'spec.chart.spec.url'),
    account: given('spec.serviceAccountName', spec.serviceAccountName)[0],
    remoteClusters: isPresent(spec.kubeConfig) ? ['spec.kubeConfig'] : [],
  }
}

function factsOfGitRepository({ spec }: GitRepository): Facts {
  return { ...none, urls: urlOf(spec.url), platformCredentials: cloudLogin(spec) }
}

function factsOfBucket({ spec }: Bucket): Facts {
  const endpoint = typeof spec.endpoint === 'string' ? spec.endpoint : ''
  const scheme = spec.insecure === true ? 'http' : 'https'
  const base = endpoint.includes('://') ? endpoint : `${scheme}://${endpoint}`
  return {
    ...none,
    urls: [{ field: 'spec.endpoint', value: `${base.replace(/\/+$/, '')}/${spec.bucketName}` }],
    platformCredentials: cloudLogin(spec),
  }
}

/** A source at a cloud without a Secret and a service account is fetched as the deployment. */
function cloudLogin(spec: {
  readonly provider?: string
  readonly secretRef?: object
  readonly serviceAccountName?: string
}): readonly string[] {
  const isCloud = spec.provider !== undefined && ['aws', 'azure', 'gcp'].includes(spec.provider)
  return isCloud && spec.secretRef === undefined && (spec.serviceAccountName ?? '') === '' ? ['spec.provider'] : []
}

function urlOf(url: string | undefined, field = 'spec.url'): readonly Given[] {
  return given(field, url)
}

function given(field: string, value: string | undefined): readonly Given[] {
  return typeof value === 'string' && value !== '' ? [{ field, value }] : []
}

interface KindReference {
  readonly kind: string
  readonly namespace?: string
  readonly name: string
}

function referencesIn(
  references: readonly KindReference[] | undefined,
  field: string,
  isList = true,
): readonly Reference[] {
  return list(references).map(({ kind, namespace, name }, index) => ({
    field: `${field}${isList ? `[${index}]` : ''}.namespace`,
    kind: textOf(kind),
    namespace: textOf(namespace) === '' ? undefined : textOf(namespace),
    name: textOf(name),
  }))
}

function dependenciesIn(
  kind: string,
  dependencies: readonly { readonly name: string; readonly namespace?: string }[] | undefined,
): readonly Reference[] {
  return referencesIn(
    list(dependencies).map((one) => ({ ...one, kind })),
    'spec.dependsOn',
  )
}

/** What renders give may be anything where the schema has a list. */
function list<T>(value: readonly T[] | undefined): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]).filter((one) => typeof one === 'object' && one !== null) : []
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** An empty field of YAML is null, which the API server takes for none. */
function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null
}
