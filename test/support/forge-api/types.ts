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
  readonly at: string
  readonly status: number
}

/** A repository as a forge keeps it. */
export interface KeptRepository {
  readonly owner: string
  readonly name: string
  isPrivate: boolean
  readonly git: GitTestRepository
  readonly hooks: KeptHook[]
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
  /** What an installation of an App gets. */
  readonly token: string
}

/** One call of the API, taken apart. */
export interface ApiCall {
  readonly method: string
  /** Below the base of the API, decoded where the forge does. */
  readonly path: string
  readonly query: URLSearchParams
  readonly body: { readonly [field: string]: unknown }
}

/** How a forge answers. */
export interface ForgeApiKind {
  /** Base of the API. */
  readonly base: string
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
  readonly pushPayload: (repository: KeptRepository, before: string, after: string) => object
}

export const notFound: ApiAnswer = { status: 404, json: { message: 'Not Found' } }
export const noCommit = '0'.repeat(40)
