import type { CoordinatorClient, JobMessage, RunStore } from '../src/coordinator/index.ts'
import type { Clock, HttpClient, KubeTransport, Logger, Queue, Random, StateStore } from '../src/ports/index.ts'
import type { CredentialTimes, Issuer } from '../src/identity/index.ts'
import type { ArtifactName } from '../src/sources/index.ts'
import type { Reader } from './authorize-reading.ts'
import type { BodyBudget } from './body.ts'
import type { Config, ReadSetting } from './config.ts'
import type { FunctionMemory } from './memory.ts'
import type { PlanReports } from './plans/tell.ts'

/** What the handlers need; a composition root of each platform provides it. */
export interface FunctionDeps {
  readonly config: Config
  /** Shared by all clusters: deliveries, requests, records of runs. */
  readonly state: StateStore
  readonly runs: RunStore
  readonly queue: Queue
  readonly coordinatorOf: (cluster: string) => CoordinatorClient | undefined
  /** Opens a transport to a cluster of the configuration, as the deployment itself; undefined where there is none of that name. */
  readonly connectTo: (cluster: string) => Promise<KubeTransport | undefined>
  /** The file of an artifact where it is at hand. */
  readonly readArtifact: (name: ArtifactName) => Promise<Uint8Array | undefined>
  /** The deployment as an issuer of tokens; undefined where it is none. */
  readonly issuer?: Issuer | undefined
  /** How old the credential of a kubeconfig is; undefined where the platform reads no files. */
  readonly kubeconfigTimes?: (file: { readonly path: string; readonly context?: string }) => Promise<CredentialTimes>
  /** Starts a queued job at once where the queue alone would take a second. The message stays in the queue in any case. */
  readonly startEarly?: (message: JobMessage) => Promise<unknown>
  /** Lets work go on after the answer. What it does must also be done by somebody else if it is cut off. */
  readonly background: (work: Promise<unknown>) => void
  /** Tells forges again what they could not be told. */
  readonly retryFeedback?: () => Promise<void>
  /** Tells forges of plans of pull requests; undefined where none are planned. */
  readonly plans?: PlanReports
  /** For whom the rest is a view (`viewFor`); undefined outside of a request that reads. */
  readonly reader?: Reader
  /**
   * What plans are read from where the rest is a view for somebody with a scope. They are sealed: only who opens one can say what of it may be seen, so that `plans/views.ts` filters them. Nothing else reads it; nothing is
   * written through it.
   */
  readonly planSource?: { readonly state: StateStore; readonly runs: Pick<RunStore, 'getRecord'> }
  readonly bodies: BodyBudget
  /** Requests to those who sign deliveries, to forges and to logins. */
  readonly http: HttpClient
  /** Reads a secret of the deployment when it is used. */
  readonly read: ReadSetting
  readonly memory: FunctionMemory
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}
