import type { GitTestRepository } from '../git-repository.ts'

/** A webhook as a forge keeps it. */
export interface KeptHook {
  readonly id: number
  url: string
  secret: string
  events: string[]
  active: boolean
  readonly deliveries: KeptDelivery[]
}

/** A delivery that was sent. */
export interface KeptDelivery {
  readonly id: number
  readonly event: string
  /** When it was sent. */
  readonly at: string
  readonly status: number
}

/** A comment as a forge keeps it. */
export interface KeptComment {
  readonly id: number
  readonly author: string
  body: string
  /** Written by the App itself. */
  readonly viaApp: boolean
  readonly createdAt: string
  updatedAt: string
}

/** A pull request as a forge keeps it; its branches are real. */
export interface KeptPull {
  readonly id: number
  readonly number: number
  readonly title: string
  readonly author: string
  state: 'open' | 'closed' | 'merged'
  isDraft: boolean
  /** Changed by who retargets it. */
  base: string
  readonly head: string
  /** Where the head lies. */
  readonly from: KeptRepository
  /** That repository was deleted since; the forge keeps the commits. */
  isSourceGone: boolean
  /** Gitea: it was pushed to `refs/for/…`, which whoever may read may do; there is no branch. */
  isForReview?: boolean
  readonly labels: string[]
  readonly reviews: {
    readonly by: string
    readonly verdict: 'approved' | 'changes-requested' | 'commented' | 'dismissed'
    readonly commit: string
  }[]
  readonly comments: KeptComment[]
  mergeCommit: string | undefined
  mergedAt: string | undefined
  /** What the forge compared last. */
  last: { readonly base: string; readonly head: string }
}

/** A check run of an App. */
export interface KeptCheckRun {
  readonly id: number
  readonly name: string
  readonly commit: string
  status: string
  conclusion: string | undefined
  externalId: string
  title: string
  readonly annotations: { readonly [field: string]: unknown }[]
}

/** A status of a commit. */
export interface KeptStatus {
  readonly commit: string
  readonly context: string
  readonly state: string
  readonly description: string
}

/** A repository as a forge keeps it. */
export interface KeptRepository {
  readonly owner: string
  readonly name: string
  isPrivate: boolean
  readonly git: GitTestRepository
  readonly hooks: KeptHook[]
  /** Tells repositories from forks of them. */
  readonly id: number
  readonly pulls: KeptPull[]
  readonly checkRuns: KeptCheckRun[]
  readonly statuses: KeptStatus[]
  /** What people may do, in the words of GitHub. */
  readonly people: Map<string, string>
  /** What `main` stood at when the last push was told. */
  told: string | undefined
}

/** A request to the API. Bodies are kept as they came. */
export interface ApiRequest {
  readonly method: string
  readonly path: string
  readonly body: { readonly [field: string]: unknown }
  readonly status: number
}

/** An answer of the API. */
export interface ApiAnswer {
  readonly status: number
  readonly json?: unknown
}

/** What the routes of a forge work with. */
export interface ForgeState {
  readonly origin: string
  readonly find: (owner: string, name: string) => KeptRepository | undefined
  readonly create: (owner: string, name: string, isPrivate: boolean) => Promise<KeptRepository>
  readonly nextId: () => number
  /** Sends a delivery as the forge does, and keeps what became of it. */
  readonly deliver: (hook: KeptHook, event: string, payload: object) => Promise<void>
  readonly isOrganization: (owner: string) => boolean
  readonly findById: (id: number) => KeptRepository | undefined
  readonly repositories: () => Iterable<KeptRepository>
  /** The forge's id of somebody. */
  readonly userId: (login: string) => number
  /** Members of organisations (`team`), teams (`team/leads`) and groups; undefined: there is no such thing. */
  readonly membersOf: (group: string) => readonly string[] | undefined
  /** Tells of a pull request that was opened through the API. */
  readonly open: (
    repository: KeptRepository,
    options: { readonly branch: string; readonly title: string },
  ) => Promise<KeptPull>
  /** What an installation of an App gets. */
  readonly installationToken: string
}

/** One call of the API, taken apart. */
export interface ApiCall {
  readonly method: string
  /** Below the base of the API, decoded where the forge does. */
  readonly path: string
  readonly query: URLSearchParams
  readonly body: { readonly [field: string]: unknown }
  /** Asked with the token of an App's installation. */
  readonly isApp?: boolean
}

/** Something that happened to a pull request. */
export interface PullEvent {
  readonly action: 'opened' | 'updated' | 'closed' | 'merged' | 'commented'
  readonly actor: string
  readonly before?: string
  readonly comment?: KeptComment
}

/** The login of the token, and of the App. */
export const tokenUser = 'sluice-robot'
export const appUser = 'sluice-fleet[bot]'

/** How a forge answers. */
export interface ForgeApiKind {
  /** Base of the API. */
  readonly base: string
  /** Path of GraphQL, beside it. */
  readonly graphQl?: string
  readonly gitUser: string
  readonly isAuthorized: (
    headers: { readonly [name: string]: string | string[] | undefined },
    token: string,
    path: string,
  ) => boolean
  /** Undefined: there is no such endpoint. */
  readonly answer: (state: ForgeState, call: ApiCall) => Promise<ApiAnswer | undefined>
  /** The event of a push, as hooks name it, and its payload. */
  readonly pushEvent: string
  /** A delivery about a pull request, and which hooks hear of it. */
  readonly pullDelivery: (
    state: ForgeState,
    repository: KeptRepository,
    pull: KeptPull,
    event: PullEvent,
  ) => Promise<{ readonly event: string; readonly hears: string; readonly payload: object }>
  readonly pushPayload: (repository: KeptRepository, before: string, after: string) => object
}

export const notFound: ApiAnswer = { status: 404, json: { message: 'Not Found' } }
export const noCommit = '0'.repeat(40)
