import { duration, flag, object, oneOf, optional, shortDuration, text, type SchemaRule } from './node.ts'
import { artifact, child, commonStatus, has, initialStatus, localReference, suspend } from './shared.ts'

const rules: readonly SchemaRule[] = [
  {
    rule: "self.provider == 'aws' || self.provider == 'generic' || !has(self.sts)",
    message: "STS configuration is only supported for the 'aws' and 'generic' Bucket providers",
    holds: (self) => self['provider'] === 'aws' || self['provider'] === 'generic' || !has(self, 'sts'),
  },
  {
    rule: "self.provider != 'aws' || !has(self.sts) || self.sts.provider == 'aws'",
    message: "'aws' is the only supported STS provider for the 'aws' Bucket provider",
    holds: (self) => self['provider'] !== 'aws' || !has(self, 'sts') || child(self, 'sts')?.['provider'] === 'aws',
  },
  {
    rule: "self.provider != 'generic' || !has(self.sts) || self.sts.provider == 'ldap'",
    message: "'ldap' is the only supported STS provider for the 'generic' Bucket provider",
    holds: (self) => self['provider'] !== 'generic' || !has(self, 'sts') || child(self, 'sts')?.['provider'] === 'ldap',
  },
  ...['secretRef', 'certSecretRef'].map((field) => ({
    rule: `!has(self.sts) || self.sts.provider != 'aws' || !has(self.sts.${field})`,
    message: `spec.sts.${field} is not required for the 'aws' STS provider`,
    holds: (self: { readonly [name: string]: unknown }) =>
      child(self, 'sts')?.['provider'] !== 'aws' || !has(child(self, 'sts'), field),
  })),
  {
    rule: "self.provider != 'generic' || !has(self.serviceAccountName)",
    message: "ServiceAccountName is not supported for the 'generic' Bucket provider",
    holds: (self) => self['provider'] !== 'generic' || !has(self, 'serviceAccountName'),
  },
  {
    rule: '!has(self.secretRef) || !has(self.serviceAccountName)',
    message: 'cannot set both .spec.secretRef and .spec.serviceAccountName',
    holds: (self) => !has(self, 'secretRef') || !has(self, 'serviceAccountName'),
  },
]

/** `spec` of a Bucket. */
export const bucketSpec = object(
  'Which bucket to fetch.',
  {
    provider: optional(
      oneOf('Kind of object storage; generic is anything that speaks S3.', ['generic', 'aws', 'gcp', 'azure'], {
        default: 'generic',
      }),
    ),
    bucketName: text('Name of the bucket.'),
    endpoint: text('Host of the object storage, or its URL for azure.'),
    sts: optional(
      object('Service that gives out short-lived credentials.', {
        provider: oneOf('Kind of service.', ['aws', 'ldap']),
        endpoint: text('Address of the service.', {
          pattern: '^(http|https)://.*$',
          hint: 'write a URL that starts with https:// or http://',
        }),
        secretRef: optional(localReference('Secret with username and password for ldap.')),
        certSecretRef: optional(localReference('Secret with ca.crt, tls.crt and tls.key for ldap.')),
      }),
    ),
    insecure: optional(flag('Allows an endpoint without TLS.')),
    region: optional(text('Region of the bucket.')),
    prefix: optional(text('Only objects whose key starts with this are fetched.')),
    secretRef: optional(localReference('Secret with the credentials.')),
    serviceAccountName: optional(text('Service account to authenticate with at a cloud.')),
    certSecretRef: optional(localReference('Secret with ca.crt, tls.crt and tls.key.')),
    proxySecretRef: optional(localReference('Secret with address, username and password of a proxy.')),
    interval: duration('How often to look for changes.'),
    timeout: optional(shortDuration('Time limit of fetching.', { default: '60s' })),
    ignore: optional(text('Patterns of .sourceignore.')),
    suspend: optional(suspend),
  },
  { rules },
)

/** `status` of a Bucket. */
export const bucketStatus = object(
  'What was found and fetched last.',
  {
    ...commonStatus,
    url: optional(text('Where the latest artifact can be fetched from.')),
    artifact: optional(artifact),
    observedIgnore: optional(text('Patterns that the artifact was made with.')),
  },
  { default: initialStatus },
)
