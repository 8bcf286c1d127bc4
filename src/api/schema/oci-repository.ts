import { duration, flag, object, oneOf, optional, shortDuration, text, type SchemaRule } from './node.ts'
import {
  artifact,
  child,
  commonStatus,
  has,
  initialStatus,
  localReference,
  ociVerification,
  suspend,
} from './shared.ts'

const layerSelector = object('Which layer to take, and how; by default the first one, unpacked.', {
  mediaType: optional(text('Media type of the layer; the first match is taken.')),
  operation: optional(oneOf('Whether to unpack the layer or to keep it as it is.', ['extract', 'copy'])),
})

/** Fields that the chart template of a HelmRelease shares with an OCIRepository. All optional: rules say which must be there. */
export const ociRepositoryFields = {
  url: optional(
    text('Address of the repository, without a tag.', {
      pattern: '^oci://.*$',
      hint: 'write a URL that starts with oci://',
    }),
  ),
  ref: optional(
    object('What to pull; by default the tag latest.', {
      digest: optional(text('Digest of the manifest; wins over everything.')),
      semver: optional(text('Range of tags; wins over the tag.')),
      semverFilter: optional(text('Regular expression that tags must match to be looked at.')),
      tag: optional(text('Tag.')),
    }),
  ),
  layerSelector: optional(layerSelector),
  provider: optional(oneOf('How to authenticate; generic uses Secrets.', ['generic', 'aws', 'azure', 'gcp'])),
  secretRef: optional(localReference('Secret with the credentials of the registry.')),
  verify: optional(ociVerification),
  serviceAccountName: optional(text('Service account whose image pull secrets, or identity at a cloud, are used.')),
  certSecretRef: optional(localReference('Secret with ca.crt, tls.crt and tls.key.')),
  proxySecretRef: optional(localReference('Secret with address, username and password of a proxy.')),
  interval: optional(duration('How often to look for a new revision.')),
  timeout: optional(shortDuration('Time limit of registry operations; by default 60s.')),
  ignore: optional(text('Patterns of .sourceignore.')),
  insecure: optional(flag('Allows a registry without TLS.')),
  suspend: optional(suspend),
}

/** `spec` of an OCIRepository. */
export const ociRepositorySpec = object('Which revision of which artifact to pull.', ociRepositoryFields)

/** Rules over the whole object: upstream requires these fields here because the chart template shares the type. */
export const ociRepositoryRules: readonly SchemaRule[] = ['url', 'interval'].map((field) => ({
  rule: `has(self.spec) && has(self.spec.${field})`,
  message: `spec.${field} is required`,
  holds: (self) => has(child(self, 'spec'), field),
}))

/** `status` of an OCIRepository. */
export const ociRepositoryStatus = object(
  'What was found and pulled last.',
  {
    ...commonStatus,
    url: optional(text('Where the latest artifact can be fetched from.')),
    artifact: optional(artifact),
    observedIgnore: optional(text('Patterns that the artifact was made with.')),
    observedLayerSelector: optional(layerSelector),
    sourceVerificationFingerprint: optional(text('Identity that the artifact was signed with.')),
  },
  { default: initialStatus },
)
