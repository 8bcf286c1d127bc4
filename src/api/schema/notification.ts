import { duration, list, object, oneOf, optional, shortDuration, text, textMap, type SchemaRule } from './node.ts'
import { commonStatus, has, initialStatus, localReference, suspend } from './shared.ts'

const targetFields = {
  apiVersion: optional(text('API version of the object.')),
  kind: oneOf('Kind of the object.', [
    'Bucket',
    'GitRepository',
    'Kustomization',
    'HelmRelease',
    'HelmChart',
    'HelmRepository',
    'ImageRepository',
    'ImagePolicy',
    'ImageUpdateAutomation',
    'OCIRepository',
    'ArtifactGenerator',
    'ExternalArtifact',
  ]),
  name: text('Name of the object, or * for all that have the labels.', { minLength: 1, maxLength: 253 }),
  namespace: optional(
    text('Namespace of the object; by default the one of this object.', { minLength: 1, maxLength: 253 }),
  ),
  matchLabels: optional(textMap('Labels that the object must have; only with the name *.')),
}

function hasItems(self: { readonly [field: string]: unknown }, field: string): boolean {
  const value = Object.hasOwn(self, field) ? self[field] : undefined
  return Array.isArray(value) && value.length > 0
}

const receiverRules: readonly SchemaRule[] = [
  {
    rule: "self.type != 'generic-oidc' || (has(self.oidcProviders) && size(self.oidcProviders) > 0)",
    message: 'generic-oidc receivers must define at least one oidcProvider',
    holds: (self) => self['type'] !== 'generic-oidc' || hasItems(self, 'oidcProviders'),
  },
  {
    rule: "self.type == 'generic-oidc' || !has(self.oidcProviders) || size(self.oidcProviders) == 0",
    message: 'oidcProviders can only be set when type is generic-oidc',
    holds: (self) => self['type'] === 'generic-oidc' || !hasItems(self, 'oidcProviders'),
  },
  {
    rule: "self.type != 'generic-oidc' || !has(self.secretRef)",
    message: 'secretRef cannot be set when type is generic-oidc',
    holds: (self) => self['type'] !== 'generic-oidc' || !has(self, 'secretRef'),
  },
  {
    rule: "self.type == 'generic-oidc' || has(self.secretRef)",
    message: 'secretRef is required when type is not generic-oidc',
    holds: (self) => self['type'] === 'generic-oidc' || has(self, 'secretRef'),
  },
]

const oidcProviders = list(
  'Issuers whose tokens are accepted.',
  object('An issuer.', {
    issuerURL: text('Address of the issuer.', { pattern: '^https?://', hint: 'write a URL that starts with https://' }),
    audience: optional(text('Audience that tokens must be for.')),
    variables: optional(
      list(
        'CEL over the claims of the token, for use in later expressions.',
        object('A variable.', { name: text('Name of the variable.'), expression: text('CEL that gives its value.') }),
      ),
    ),
    validations: list(
      'CEL that must be true.',
      object('A condition.', {
        expression: text('CEL over claims and vars.'),
        message: text('What to answer where it is false.'),
      }),
      { minItems: 1 },
    ),
  }),
  { listMapKeys: ['issuerURL'] },
)

/** `spec` of a Receiver. */
export const receiverSpec = object(
  'Which webhooks to accept and what they wake.',
  {
    type: oneOf('Who sends the webhooks.', [
      'generic',
      'generic-hmac',
      'generic-oidc',
      'github',
      'gitlab',
      'bitbucket',
      'harbor',
      'dockerhub',
      'quay',
      'gcr',
      'nexus',
      'acr',
      'cdevents',
    ]),
    interval: optional(duration('How often to reconcile this object.', { default: '10m' })),
    events: optional(list('Events to accept, by the names that the sender uses; by default all.', text(''))),
    resources: list(
      'Objects to reconcile when a webhook arrives.',
      object('An object.', {
        ...targetFields,
        filter: optional(text('CEL over res and req that must be true, in addition to spec.resourceFilter.')),
      }),
    ),
    resourceFilter: optional(text('CEL over res and req that must be true for an object to be reconciled.')),
    secretRef: optional(localReference('Secret whose token signs the webhooks and makes the path.')),
    oidcProviders: optional(oidcProviders),
    suspend: optional(suspend),
  },
  { rules: receiverRules },
)

/** `status` of a Receiver. */
export const receiverStatus = object(
  'What was found last.',
  { ...commonStatus, webhookPath: optional(text('Path that the webhooks are sent to.')) },
  { default: initialStatus },
)

const alertFields = {
  providerRef: localReference('Provider to send to.'),
  eventSeverity: optional(oneOf('Least severity of events to send.', ['info', 'error'], { default: 'info' })),
  eventSources: list('Objects whose events are sent.', object('An object.', targetFields)),
  inclusionList: optional(list('Go regular expressions of which one must match the message.', text(''))),
  eventMetadata: optional(textMap('Facts added to every event.')),
  exclusionList: optional(list('Go regular expressions of which none may match the message.', text(''))),
  suspend: optional(suspend),
}

/** `spec` of an Alert, `v1`. */
export const alertSpecV1 = object('Which events to send where.', alertFields)

/** `spec` of an Alert, `v1beta3`. */
export const alertSpec = object('Which events to send where.', {
  ...alertFields,
  summary: optional(text('Deprecated: use eventMetadata with the key summary.', { maxLength: 255 })),
})

const providerTypes = [
  'slack',
  'discord',
  'msteams',
  'rocket',
  'generic',
  'generic-hmac',
  'github',
  'gitlab',
  'gitea',
  'giteapullrequestcomment',
  'bitbucketserver',
  'bitbucket',
  'azuredevops',
  'googlechat',
  'googlepubsub',
  'webex',
  'sentry',
  'azureeventhub',
  'telegram',
  'lark',
  'matrix',
  'opsgenie',
  'alertmanager',
  'grafana',
  'githubdispatch',
  'githubpullrequestcomment',
  'gitlabmergerequestcomment',
  'pagerduty',
  'datadog',
  'nats',
  'zulip',
  'otel',
  'zoom',
  'incident.io',
] as const

const commitStatusProviders = ['github', 'gitlab', 'gitea', 'bitbucketserver', 'bitbucket', 'azuredevops'] as const

const providerRules: readonly SchemaRule[] = [
  {
    rule: `${commitStatusProviders.map((type) => `self.type == '${type}'`).join(' || ')} || !has(self.commitStatusExpr)`,
    message: `spec.commitStatusExpr is only supported for the ${commitStatusProviders.map((type) => `'${type}'`).join(', ')} provider types`,
    holds: (self) => !has(self, 'commitStatusExpr') || commitStatusProviders.some((type) => self['type'] === type),
  },
]

const providerFields = {
  channel: optional(text('Channel, or what comes closest to one at the receiving end.', { maxLength: 2048 })),
  username: optional(text('Name to send under.', { maxLength: 2048 })),
  address: optional(text('Where to send to; the key address of the Secret wins.', { maxLength: 2048 })),
  timeout: optional(shortDuration('Time limit of sending; by default 15s.')),
  proxySecretRef: optional(localReference('Secret with address, username and password of a proxy.')),
  secretRef: optional(localReference('Secret with address, token, and what else the receiving end asks for.')),
  serviceAccountName: optional(text('Service account to authenticate with at a cloud.')),
  certSecretRef: optional(localReference('Secret with ca.crt, tls.crt and tls.key.')),
  suspend: optional(suspend),
  commitStatusExpr: optional(text('CEL over event, alert and provider that gives the id of the commit status.')),
}

/** `spec` of a Provider, `v1`. */
export const providerSpecV1 = object(
  'How to send events.',
  { type: oneOf('What receives the events.', [...providerTypes, 'mastodon']), ...providerFields },
  { rules: providerRules },
)

/** `spec` of a Provider, `v1beta3`. */
export const providerSpec = object(
  'How to send events.',
  {
    type: oneOf('What receives the events.', providerTypes),
    ...providerFields,
    interval: optional(duration('Deprecated, without effect.')),
    proxy: optional(
      text('Deprecated: use proxySecretRef.', {
        maxLength: 2048,
        pattern: '^(http|https)://.*$',
        hint: 'write a URL that starts with https:// or http://',
      }),
    ),
  },
  { rules: providerRules },
)
