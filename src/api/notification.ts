import type { CustomResource } from './metadata.ts'
import type { CommonStatus, DurationText, LocalObjectReference, StringMap } from './shared-types.ts'

/** Kinds that events come from and that receivers wake. */
export type NotificationTargetKind =
  | 'Bucket'
  | 'GitRepository'
  | 'Kustomization'
  | 'HelmRelease'
  | 'HelmChart'
  | 'HelmRepository'
  | 'ImageRepository'
  | 'ImagePolicy'
  | 'ImageUpdateAutomation'
  | 'OCIRepository'
  | 'ArtifactGenerator'
  | 'ExternalArtifact'

/** One object, or with `name: '*'` those with the labels. */
export interface CrossNamespaceObjectReference {
  readonly apiVersion?: string
  readonly kind: NotificationTargetKind
  readonly name: string
  readonly namespace?: string
  readonly matchLabels?: StringMap
}

export type ReceiverType =
  | 'generic'
  | 'generic-hmac'
  | 'generic-oidc'
  | 'github'
  | 'gitlab'
  | 'bitbucket'
  | 'harbor'
  | 'dockerhub'
  | 'quay'
  | 'gcr'
  | 'nexus'
  | 'acr'
  | 'cdevents'

export interface OidcProvider {
  readonly issuerURL: string
  readonly audience?: string
  readonly variables?: readonly { readonly name: string; readonly expression: string }[]
  readonly validations: readonly { readonly expression: string; readonly message: string }[]
}

export interface ReceiverSpec {
  readonly type: ReceiverType
  readonly interval?: DurationText
  readonly events?: readonly string[]
  readonly resources: readonly (CrossNamespaceObjectReference & { readonly filter?: string })[]
  readonly resourceFilter?: string
  readonly secretRef?: LocalObjectReference
  readonly oidcProviders?: readonly OidcProvider[]
  readonly suspend?: boolean
}

export interface ReceiverStatus extends CommonStatus {
  webhookPath?: string
}

/** `notification.toolkit.fluxcd.io/v1`. */
export type Receiver = CustomResource<'Receiver', ReceiverSpec, ReceiverStatus>

export interface AlertSpec {
  readonly providerRef: LocalObjectReference
  readonly eventSeverity?: 'info' | 'error'
  readonly eventSources: readonly CrossNamespaceObjectReference[]
  readonly inclusionList?: readonly string[]
  readonly exclusionList?: readonly string[]
  readonly eventMetadata?: StringMap
  /** Deprecated, `v1beta3` only: use `eventMetadata.summary`. */
  readonly summary?: string
  readonly suspend?: boolean
}

/** `notification.toolkit.fluxcd.io/v1beta3` (also served as `v1`). Has no status. */
export type Alert = CustomResource<'Alert', AlertSpec, undefined>

export type ProviderType =
  | 'slack'
  | 'discord'
  | 'msteams'
  | 'rocket'
  | 'generic'
  | 'generic-hmac'
  | 'github'
  | 'gitlab'
  | 'gitea'
  | 'giteapullrequestcomment'
  | 'bitbucketserver'
  | 'bitbucket'
  | 'azuredevops'
  | 'googlechat'
  | 'googlepubsub'
  | 'webex'
  | 'sentry'
  | 'azureeventhub'
  | 'telegram'
  | 'lark'
  | 'matrix'
  | 'opsgenie'
  | 'alertmanager'
  | 'grafana'
  | 'githubdispatch'
  | 'githubpullrequestcomment'
  | 'gitlabmergerequestcomment'
  | 'pagerduty'
  | 'datadog'
  | 'nats'
  | 'zulip'
  | 'otel'
  | 'zoom'
  | 'incident.io'
  | 'mastodon'

export interface ProviderSpec {
  readonly type: ProviderType
  readonly channel?: string
  readonly username?: string
  readonly address?: string
  readonly timeout?: DurationText
  /** Deprecated, `v1beta3` only: use `proxySecretRef`. */
  readonly proxy?: string
  readonly proxySecretRef?: LocalObjectReference
  readonly secretRef?: LocalObjectReference
  readonly serviceAccountName?: string
  readonly certSecretRef?: LocalObjectReference
  /** Deprecated, `v1beta3` only, without effect. */
  readonly interval?: DurationText
  readonly suspend?: boolean
  readonly commitStatusExpr?: string
}

/** `notification.toolkit.fluxcd.io/v1beta3` (also served as `v1`). Has no status. */
export type Provider = CustomResource<'Provider', ProviderSpec, undefined>
