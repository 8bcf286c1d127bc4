import { duration, flag, list, object, oneOf, optional, text, textMap } from './node.ts'
import {
  commonMetadata,
  commonStatus,
  dependsOn,
  healthCheckExprs,
  history,
  ignoreRules,
  images,
  initialStatus,
  inventory,
  kindReference,
  kubeConfig,
  localReference,
  patches,
  suspend,
} from './shared.ts'

const postBuild = object('Substitution of variables after the build.', {
  substituteStrategy: optional(
    oneOf('WithVariables substitutes only where a variable is defined (the default), Always in any case.', [
      'WithVariables',
      'Always',
    ]),
  ),
  substitute: optional(textMap('Variables and their values.')),
  substituteFrom: optional(
    list(
      'Objects whose data are variables. Later ones win, and spec.postBuild.substitute over all of them.',
      object('A source of variables.', {
        kind: oneOf('Kind of the object.', ['Secret', 'ConfigMap']),
        name: text('Name of the object.', { minLength: 1, maxLength: 253 }),
        optional: optional(flag('A missing object counts as an empty one.', { default: false })),
      }),
    ),
  ),
})

const decryption = object('Decryption of Secrets before they are applied.', {
  provider: oneOf('Kind of encryption.', ['sops']),
  serviceAccountName: optional(text('Service account to authenticate with at the key service of a cloud.')),
  secretRef: optional(localReference('Secret with the private keys or the credentials of a key service.')),
})

/** `spec` of a Kustomization. */
export const kustomizationSpec = object('What to build and apply.', {
  commonMetadata: optional(commonMetadata),
  dependsOn: optional(dependsOn),
  decryption: optional(decryption),
  interval: duration('How often to reconcile without a change.'),
  retryInterval: optional(duration('How long to wait after a failure; by default the interval.')),
  kubeConfig: optional(kubeConfig),
  path: optional(
    text('Directory in the source with a kustomization.yaml or with plain manifests; by default the root.'),
  ),
  postBuild: optional(postBuild),
  prune: flag('Deletes objects that are no longer part of the build.'),
  deletionPolicy: optional(
    oneOf(
      'What happens to the applied objects when this object is deleted. MirrorPrune, the default, follows spec.prune.',
      ['MirrorPrune', 'Delete', 'WaitForTermination', 'Orphan'],
    ),
  ),
  healthChecks: optional(list('Objects that must be healthy.', kindReference('An object.'))),
  namePrefix: optional(text('Put before the name of every object.', { minLength: 1, maxLength: 200 })),
  nameSuffix: optional(text('Put behind the name of every object.', { minLength: 1, maxLength: 200 })),
  patches: optional(patches),
  images: optional(images),
  serviceAccountName: optional(text('Service account to act as.')),
  sourceRef: object('Source of the manifests.', {
    apiVersion: optional(text('API version of the source.')),
    kind: oneOf('Kind of the source.', ['OCIRepository', 'GitRepository', 'Bucket', 'ExternalArtifact']),
    name: text('Name of the source.'),
    namespace: optional(text('Namespace of the source; by default the one of this object.')),
  }),
  suspend: optional(suspend),
  targetNamespace: optional(text('Namespace of all namespaced objects.', { minLength: 1, maxLength: 63 })),
  timeout: optional(duration('Time limit of applying and of health checks; by default the interval.')),
  force: optional(flag('Recreates objects whose changed field cannot be changed.', { default: false })),
  wait: optional(flag('Waits for the health of every applied object; spec.healthChecks is ignored then.')),
  buildMetadata: optional(
    list(
      'Annotations that say where objects come from.',
      oneOf('An annotation.', ['originAnnotations', 'transformerAnnotations']),
    ),
  ),
  components: optional(list('Paths of components, relative to spec.path.', text(''))),
  ignoreMissingComponents: optional(flag('Leaves out components that are not in the source.')),
  healthCheckExprs: optional(healthCheckExprs),
  ignore: optional(ignoreRules),
})

/** `status` of a Kustomization. */
export const kustomizationStatus = object(
  'What was found and done last.',
  {
    ...commonStatus,
    lastAppliedRevision: optional(text('Revision that was last applied.')),
    lastAppliedOriginRevision: optional(text('Revision that the last applied artifact was made from.')),
    lastAttemptedRevision: optional(text('Revision that was last tried.')),
    inventory: optional(inventory),
    history: optional(history),
  },
  { default: initialStatus },
)
