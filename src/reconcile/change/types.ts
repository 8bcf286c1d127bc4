import type { ApplicationInput, ChartInput, DigestApplication, Rendered, Severity } from '../../plan/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import type { Job } from '../job.ts'

/** What is to be planned: two commits of one repository, and the branch that they are about. */
export interface ChangeRef {
  /** Id of the plan, which every cluster that it is about makes a part of. */
  readonly plan: string
  /** Every URL under which the forge knows the repository (clone, ssh, html). */
  readonly urls: readonly string[]
  /** `owner/name`, for people. */
  readonly repository: string
  readonly pullRequest?: number
  /** Full ref of the branch that the change is to be merged into: `refs/heads/main`. Sources that follow another one are not concerned. */
  readonly branch: string
  /** The whole commit ids of where the change started from, and of its last commit. */
  readonly base: string
  readonly head: string
  /** A ref of the repository from which `head` can be reached (`refs/pull/7/head`), for servers that do not give out single commits. */
  readonly headRef?: string
  /** Whether the live cluster is compared with. `denied`: whoever proposes the change may not learn anything of it (a fork). */
  readonly live: 'read' | 'denied'
  /** Whether secrets take part: encrypted files are decrypted, Secrets of the cluster are read, private sources are fetched. Otherwise placeholders stand in for them. */
  readonly secrets: 'used' | 'withheld'
  /** How bad the findings of rules are, where it is not the default. From configuration, and never from the change itself. */
  readonly severities?: { readonly [rule: string]: Severity }
}

/** A job that plans a change. */
export type ChangeJob = Job & { readonly plan: true; readonly change: ChangeRef }

/** One application as one of the two commits makes it. */
export interface RenderedSide {
  readonly objects: readonly Rendered[]
  /** The same objects in the same order, as a run would send them: for dry-runs and digests, never to be shown. */
  readonly wanted: readonly KubeObject[]
  /** Whether anything secret took part. */
  readonly hasSecrets: boolean
  readonly chart?: ChartInput
  /** What was fetched to render it, by what it is (`source`, `chart`), with digests. */
  readonly artifacts: { readonly [name: string]: string }
}

/** What a cluster's part of a plan is made of. Nothing of it may be stored or shown before src/plan has made a document of it. */
export interface ChangePlan {
  readonly applications: readonly ApplicationInput[]
  /** What is approved when the plan is, for each application that the change touches. */
  readonly digests: readonly DigestApplication[]
  /** Renderings that were made, of either side, secret and open forms counted as one. */
  readonly renders: number
  /** Requests to the API server. */
  readonly requests: number
}
