import type { ProviderType } from '../api/index.ts'
import { alertmanager } from './providers/alertmanager.ts'
import { azuredevops } from './providers/azuredevops.ts'
import { azureeventhub } from './providers/azureeventhub.ts'
import { bitbucket } from './providers/bitbucket.ts'
import { bitbucketserver } from './providers/bitbucketserver.ts'
import { datadog } from './providers/datadog.ts'
import { discord } from './providers/discord.ts'
import { generic } from './providers/generic.ts'
import { genericHmac } from './providers/generic-hmac.ts'
import { gitea } from './providers/gitea.ts'
import { giteapullrequestcomment } from './providers/giteapullrequestcomment.ts'
import { github } from './providers/github.ts'
import { githubdispatch } from './providers/githubdispatch.ts'
import { githubpullrequestcomment } from './providers/githubpullrequestcomment.ts'
import { gitlab } from './providers/gitlab.ts'
import { gitlabmergerequestcomment } from './providers/gitlabmergerequestcomment.ts'
import { googlechat } from './providers/googlechat.ts'
import { googlepubsub } from './providers/googlepubsub.ts'
import { grafana } from './providers/grafana.ts'
import { incidentio } from './providers/incidentio.ts'
import { lark } from './providers/lark.ts'
import { mastodon } from './providers/mastodon.ts'
import { matrix } from './providers/matrix.ts'
import { msteams } from './providers/msteams.ts'
import { nats } from './providers/nats.ts'
import { opsgenie } from './providers/opsgenie.ts'
import { otel } from './providers/otel.ts'
import { pagerduty } from './providers/pagerduty.ts'
import { rocket } from './providers/rocket.ts'
import { sentry } from './providers/sentry.ts'
import { slack } from './providers/slack.ts'
import { telegram } from './providers/telegram.ts'
import { webex } from './providers/webex.ts'
import { zoom } from './providers/zoom.ts'
import { zulip } from './providers/zulip.ts'
import type { NotificationProvider } from './types.ts'

/** The providers by `spec.type`. A further one is one file, one line here, and its row in the tests. */
export const notificationProviders = {
  generic,
  'generic-hmac': genericHmac,
  slack,
  discord,
  rocket,
  msteams,
  googlechat,
  googlepubsub,
  webex,
  telegram,
  lark,
  matrix,
  mastodon,
  zulip,
  zoom,
  opsgenie,
  alertmanager,
  grafana,
  pagerduty,
  'incident.io': incidentio,
  datadog,
  sentry,
  azureeventhub,
  nats,
  otel,
  githubdispatch,
  github,
  gitlab,
  gitea,
  bitbucket,
  bitbucketserver,
  azuredevops,
  githubpullrequestcomment,
  gitlabmergerequestcomment,
  giteapullrequestcomment,
} as const satisfies { readonly [type in ProviderType]: NotificationProvider }

/** The provider of a type; undefined for one that this version does not know. */
export function notificationProvider(type: string): NotificationProvider | undefined {
  return Object.hasOwn(notificationProviders, type) ? notificationProviders[type as ProviderType] : undefined
}
