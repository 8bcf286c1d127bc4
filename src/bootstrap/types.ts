import type { Forge, ForgeRepository } from '../forges/index.ts'
import type { KubeClient } from '../kube/index.ts'
import type { Clock, Random } from '../ports/index.ts'
import type { Provider } from '../receivers/index.ts'
import type { GitCredentials, GitDeps } from '../sources/index.ts'
import type { Layout } from './layout.ts'

/** What is wanted. */
export interface BootstrapOptions {
  /** Name of the cluster in the deployment. */
  readonly cluster: string
  readonly branch: string
  /** Directory of the cluster in the repository. */
  readonly path: string
  /** Where the deployment reaches the API server. */
  readonly server: string
  readonly ca?: string
  /** Visibility of a repository that has to be made. */
  readonly isPrivate: boolean
  /** For a repository without a forge. */
  readonly repositoryUrl?: string
  /** Endpoint of the deployment that this forge has. */
  readonly provider: Provider
  /** Where the forge reaches the deployment; undefined: no webhook is registered. */
  readonly publicUrl?: string
  readonly pullRequests: boolean
  readonly stopFluxControllers: boolean
  readonly author: { readonly name: string; readonly email: string }
  /** Says what would be written and done, and does nothing. */
  readonly isDryRun: boolean
  /** Milliseconds for each of the waits. */
  readonly timeoutMs: number
  /** Milliseconds between two looks of a wait. */
  readonly pollMs: number
  /** Data of the Secret with the credentials of the repository; undefined: none is needed. */
  readonly secretData?: { readonly [key: string]: string }
  /** `spec.provider` of the GitRepository. */
  readonly sourceProvider?: 'github'
  /** Deliveries come from somewhere else than a webhook of the repository: a GitHub App has its own. */
  readonly hasOwnWebhook: boolean
  /** Variables that are set besides: the keys of an App. */
  readonly variables: { readonly [name: string]: string }
}

/** A deployment that is asked. As the command line's. */
export interface AskDeployment {
  readonly url: string
  readonly get: (path: string, query?: { readonly [name: string]: string | undefined }) => Promise<unknown>
  readonly post: (path: string, body: object) => Promise<unknown>
}

/** Where the environment of the deployment is kept. */
export interface EnvironmentStore {
  /** Name for messages. */
  readonly name: string
  readonly read: () => Promise<string>
  readonly write: (text: string) => Promise<void>
}

/** What a person is told. */
export interface BootstrapReport {
  /** A step begins. */
  readonly begin: (text: string) => void
  /** It did something, or, in a dry run, would. */
  readonly done: (text: string, details?: readonly string[]) => void
  /** Something was looked at, and is as it should be. */
  readonly found: (text: string) => void
  /** There was nothing to do. */
  readonly nothing: (text: string) => void
  readonly wait: (text: string, seconds: number) => void
  readonly warn: (text: string) => void
  /** Files and objects as they would be written; asked for in a dry run only. */
  readonly show: (name: string, text: string) => void
  /** A step has ended; what it throws ends everything. */
  readonly ended: (step: StepName) => void
}

export interface BootstrapDeps {
  /** Undefined: a Git server without an API that we know. */
  readonly forge: Forge | undefined
  readonly git: GitDeps
  readonly gitCredentials: GitCredentials
  readonly client: KubeClient
  readonly environment: EnvironmentStore
  /** The deployment, with the token that the environment has. Undefined: it is not running yet. */
  readonly deployment: (token: string) => AskDeployment | undefined
  readonly clock: Clock
  readonly random: Random
  readonly report: BootstrapReport
  readonly signal?: AbortSignal
}

/** The steps, in their order. */
export const stepNames = [
  'cluster-before',
  'repository',
  'files',
  'cluster',
  'credentials',
  'sync',
  'environment',
  'deployment',
  'webhook',
  'round-trip',
  'first-run',
] as const

export type StepName = (typeof stepNames)[number]

/** What steps hand on. */
export interface BootstrapState {
  repository?: Pick<ForgeRepository, 'cloneUrl' | 'isPrivate' | 'id'>
  layout?: Layout
  /** The commit of the branch. */
  head?: string
  environment?: { readonly [name: string]: string }
  /** The secret of webhooks was made in this run. */
  isNewSecret?: boolean
  ask?: AskDeployment
  hookId?: string
  /** The webhook was registered or changed in this run: what came before proves nothing. */
  isNewHook?: boolean
  /** Something was written: to Git, the cluster, the environment or the forge. */
  writes: number
}

/** What a step works with. */
export interface StepContext {
  readonly deps: BootstrapDeps
  readonly options: BootstrapOptions
  readonly state: BootstrapState
}
