import type { EgressPolicy } from '../base/index.ts'
import type { Clock, HttpClient } from '../ports/index.ts'

/** What forges are asked with. */
export interface ForgeDeps {
  readonly http: HttpClient
  readonly egress: EgressPolicy
  /** Cancellation by the caller; each request has a deadline of its own besides. */
  readonly signal?: AbortSignal | undefined
  /** With it, pauses that a forge asks for are waited out within bounds, and questions that failed are asked again. */
  readonly clock?: Clock
}

/** A repository at a forge, and who asks. */
export interface ForgeTarget {
  /** `https://github.com`, without a path. */
  readonly host: string
  /** Base of the API where it is not the usual one of the host. */
  readonly api?: string
  /** Organisation, group (with its parents, `team/platform`) or user. */
  readonly owner: string
  readonly name: string
  /** Never printed. */
  readonly token: string
}

/** The forges that have an API here. */
export type ForgeKind = 'github' | 'gitlab' | 'gitea'

/** A repository as its forge describes it. */
export interface ForgeRepository {
  /** `owner/name`. */
  readonly id: string
  /** `https://…/owner/name.git`. */
  readonly cloneUrl: string
  readonly webUrl: string
  readonly isPrivate: boolean
  /** Missing where there is no commit yet. */
  readonly defaultBranch?: string
}

/** What a webhook should be. */
export interface WebhookWish {
  readonly url: string
  /** What deliveries are signed with. Never printed. */
  readonly secret: string
  /** Also changes of pull (merge) requests. */
  readonly pullRequests?: boolean
}

/** A webhook as its forge describes it; no forge tells the secret. */
export interface Webhook {
  readonly id: string
  readonly url: string
  readonly isActive: boolean
  /** In the forge's words, sorted: `push`, `pull_request`; `push_events`, … at GitLab. */
  readonly events: readonly string[]
}

/** A delivery as the forge remembers it. */
export interface HookDelivery {
  readonly event: string
  /** RFC 3339. */
  readonly at: string
  /** What the receiver answered; 0 where nothing was. */
  readonly status: number
}

/**
 * One repository at a forge. Every method asks the forge; errors are EngineErrors whose messages never carry the token or a secret: `forge-unauthorized` (the token is refused),
 * `forge-forbidden` (it may not do this; says which right it needs), `forge-refused`, `forge-unavailable` (`retry`), `forge-answer` (not what the documentation promises).
 */
export interface Forge {
  readonly kind: ForgeKind
  /** Name for people: `GitHub`. */
  readonly title: string
  /** User name that goes with the token in Git over HTTP. */
  readonly gitUser: string
  /** Where a repository that is made will be. */
  readonly expectedCloneUrl: string
  /** The repository; undefined where there is none, or the token may not see it. */
  readonly readRepository: () => Promise<ForgeRepository | undefined>
  /** Makes an empty repository, for the organisation or group where the owner is one, else for the token's user. */
  readonly createRepository: (wish: { readonly isPrivate: boolean }) => Promise<ForgeRepository>
  readonly listWebhooks: () => Promise<readonly Webhook[]>
  /** The events of {@link Webhook.events} that a wish means at this forge, sorted. */
  readonly eventsOf: (wish: Pick<WebhookWish, 'pullRequests'>) => readonly string[]
  readonly createWebhook: (wish: WebhookWish) => Promise<Webhook>
  /** Makes a webhook what it should be, the secret included. */
  readonly updateWebhook: (id: string, wish: WebhookWish) => Promise<Webhook>
  /** Does nothing where there is none. */
  readonly deleteWebhook: (id: string) => Promise<void>
  /** Has the forge deliver something harmless: a ping, or the last push again as a test. */
  readonly testWebhook: (id: string) => Promise<void>
  /** The latest deliveries, newest first; undefined where the forge does not tell. */
  readonly recentDeliveries: (id: string) => Promise<readonly HookDelivery[] | undefined>
}
