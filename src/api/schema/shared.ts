import type { Condition } from '../conditions.ts'
import type { KustomizationSnapshot } from '../kustomization.ts'
import { flag, integer, list, object, oneOf, optional, text, textMap, time, type Schema } from './node.ts'

/** `{name}` of an object in the same namespace. */
export function localReference(description: string): ReturnType<typeof makeLocalReference> {
  return makeLocalReference(description)
}

function makeLocalReference(description: string) {
  return object(description, { name: text('Name of the object.') })
}

/** A namespaced object of any kind. */
export function kindReference(description: string): ReturnType<typeof makeKindReference> {
  return makeKindReference(description)
}

function makeKindReference(description: string) {
  return object(description, {
    apiVersion: optional(text('API version of the object.')),
    kind: text('Kind of the object.'),
    name: text('Name of the object.'),
    namespace: optional(text('Namespace of the object; by default the one of the referring object.')),
  })
}

export const dependsOn = list(
  'Objects of the same kind that must be ready before this one is reconciled.',
  object('A dependency.', {
    name: text('Name of the dependency.'),
    namespace: optional(text('Namespace of the dependency; by default the one of this object.')),
    readyExpr: optional(text('CEL over self and dep that replaces the built-in check of readiness.')),
  }),
)

export const kubeConfig = object(
  'Where to apply, if not to the cluster of this object. A service account named beside it is impersonated there.',
  {
    configMapRef: optional(localReference('ConfigMap with provider, cluster, address, audiences and service account.')),
    secretRef: optional(
      object('Secret with a kubeconfig.', {
        name: text('Name of the Secret.'),
        key: optional(text("Key that holds the kubeconfig; by default 'value', or 'value.yaml'.")),
      }),
    ),
  },
  {
    rules: [
      {
        rule: 'has(self.configMapRef) != has(self.secretRef)',
        message: 'exactly one of spec.kubeConfig.configMapRef or spec.kubeConfig.secretRef must be specified',
        holds: (self) => has(self, 'configMapRef') !== has(self, 'secretRef'),
      },
    ],
  },
)

export const commonMetadata = object('Labels and annotations for every applied object. They win over existing ones.', {
  annotations: optional(textMap('Annotations to add.')),
  labels: optional(textMap('Labels to add.')),
})

export const selector = object('Objects that this concerns. All given fields must match.', {
  group: optional(text('API group, as a regular expression.')),
  version: optional(text('API version, as a regular expression.')),
  kind: optional(text('Kind, as a regular expression.')),
  namespace: optional(text('Namespace, as a regular expression.')),
  name: optional(text('Name, as a regular expression.')),
  annotationSelector: optional(text('Annotations, in the syntax of label selectors.')),
  labelSelector: optional(text('Labels, in the syntax of label selectors.')),
})

export const patches = list(
  'Strategic-merge and JSON patches, in order.',
  object('A patch.', {
    patch: text('The patch: a strategic-merge document, or a list of JSON patch operations.'),
    target: optional(selector),
  }),
)

export const images = list(
  'Images to rename, retag or pin.',
  object('An image.', {
    name: text('Image without its tag.'),
    newName: optional(text('Name to use instead.')),
    newTag: optional(text('Tag to use instead.')),
    digest: optional(text('Digest to use instead of a tag; wins over newTag.')),
  }),
)

export const healthCheckExprs = list(
  'Health of custom resources in CEL.',
  object('The health of one kind.', {
    apiVersion: text('API version that the expressions are for.'),
    kind: optional(text('Kind that the expressions are for.')),
    current: text('CEL that is true when the object is healthy.'),
    inProgress: optional(text('CEL that is true while the object is not there yet.')),
    failed: optional(text('CEL that is true when the object has failed.')),
  }),
)

export const ignoreRules = list(
  'Fields that drift detection leaves alone.',
  object('A rule.', {
    paths: list('JSON pointers (RFC 6901).', text('')),
    target: optional(selector),
  }),
)

const oidcMatch = list(
  'Identities of which one must have signed, for signatures without a key.',
  object('An identity.', {
    issuer: text('Go regular expression for the issuer.'),
    subject: text('Go regular expression for the subject.'),
  }),
)

const verificationFields = {
  provider: oneOf('Tool that made the signature.', ['cosign', 'notation'], { default: 'cosign' }),
  secretRef: optional(localReference('Secret with the public keys.')),
  matchOIDCIdentity: optional(oidcMatch),
}

/** Signature check of a chart. */
export const chartVerification = object('How the signature of the chart is checked.', verificationFields)

/** Signature check of an OCI artifact. */
export const ociVerification = object('How the signature of the artifact is checked.', {
  ...verificationFields,
  trustedRootSecretRef: optional(localReference('Secret with the key trusted_root.json, for a private Sigstore.')),
})

export const artifact = object('The last artifact.', {
  digest: text('Digest of the file, as algorithm:hex.', {
    pattern: '^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$',
    hint: 'write <algorithm>:<hex>',
  }),
  path: text('Path of the file in the storage.'),
  url: text('Where the file can be fetched from.'),
  revision: text('Revision of the source, such as main@sha1:<commit>.'),
  lastUpdateTime: time('When the artifact last changed.'),
  size: optional(integer('Bytes of the file.', { format: 'int64' })),
  metadata: optional(textMap('Facts from the source, such as OCI annotations.')),
})

export const inventory = object('Objects that are applied.', {
  entries: list(
    'One entry per object.',
    object('An applied object.', {
      id: text('Namespace, name, group and kind, joined by underscores.'),
      v: text('API version without the group.'),
    }),
  ),
})

const conditionSchema: Schema<Condition> = object('One aspect of the state.', {
  lastTransitionTime: time('When the status last changed.'),
  message: text('What is the case, for people.', { maxLength: 32_768 }),
  observedGeneration: optional(integer('Generation that the condition is about.', { format: 'int64', minimum: 0 })),
  reason: text('Why, in one word.', {
    minLength: 1,
    maxLength: 1024,
    pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$',
  }),
  status: oneOf('Whether it is the case.', ['True', 'False', 'Unknown']),
  type: text('Which aspect.', {
    maxLength: 316,
    pattern:
      '^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$',
  }),
})

export const conditions = list('State of the object.', conditionSchema)

export const observedGeneration = integer('Generation that was last reconciled.', { format: 'int64' })

/** Fields that every status has. */
export const commonStatus = {
  conditions: optional(conditions),
  lastHandledReconcileAt: optional(text('Value of the annotation reconcile.fluxcd.io/requestedAt last acted on.')),
  observedGeneration: optional(observedGeneration),
}

/** What an object has before its first reconciliation. */
export const initialStatus = { observedGeneration: -1 } as const

export const history: Schema<readonly KustomizationSnapshot[]> = list(
  'Latest distinct reconciliations, newest first.',
  object('A reconciliation.', {
    digest: text('Checksum of what was built.'),
    firstReconciled: time('When it was first reconciled.'),
    lastReconciled: time('When it was last reconciled.'),
    lastReconciledDuration: text('Time that the last reconciliation took.'),
    lastReconciledStatus: text('Outcome of the last reconciliation.'),
    metadata: optional(textMap('More about it, such as the revision.')),
    totalReconciliations: integer('How often it was reconciled.', { format: 'int64' }),
  }),
)

export const suspend = flag('Stops reconciling this object.')

/** Whether a mapping has a field, as CEL's `has` on an optional field. */
export function has(self: { readonly [field: string]: unknown } | undefined, field: string): boolean {
  return self !== undefined && Object.hasOwn(self, field)
}

/** The mapping in a field; undefined where there is none. */
export function child(
  self: { readonly [field: string]: unknown },
  field: string,
): { readonly [field: string]: unknown } | undefined {
  const value = Object.hasOwn(self, field) ? self[field] : undefined
  return typeof value === 'object' && value !== null ? (value as { readonly [field: string]: unknown }) : undefined
}
