import type { EngineError } from '../../base/index.ts'
import type { ApplicationInput, ChartInput, DigestApplication, Rendered, Severity } from '../../plan/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import type { Job } from '../job.ts'
import type { ApplicationManifests } from './manifests.ts'

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
  /** The commits are in the working copy of whoever asks: bases at addresses that they choose may be fetched by their own machine. */
  readonly isOwn?: true
  /** How bad the findings of rules are, where it is not the default. From configuration, and never from the change itself. */
  readonly severities?: { readonly [rule: string]: Severity }
  /** It is merged already, and waits on this cluster because it is not what was approved. */
  readonly afterMerge?: true
  /** Whether what both commits render is stored as YAML, too. */
  readonly manifests?: true
}

/** A job that plans a change. */
export type ChangeJob = Job & { readonly plan: true; readonly change: ChangeRef }

/**
 * One application as one of the two commits makes it.
 *
 * Where secrets take part, `objects` comes from renderings with placeholders alone: what an author learns of it is the same whatever the secrets are, also where templates compare, cut or count them. What is really
 * applied is in `items` and `desired`, and only keyed digests and requests to the API server may be made of it.
 */
export interface RenderedSide {
  /** What a plan is made of. */
  readonly objects: readonly Rendered[]
  /** The same objects in the same order, with their values. */
  readonly items: readonly SideObject[]
  /** Everything that would be applied, for the digest of what is approved; undefined where secrets are withheld, or rendering with them has failed. */
  readonly desired?: readonly KubeObject[] | undefined
  /**
   * With its secrets it does not render, without them it does: what is approved cannot be told. Whether this is so depends on what the secrets are, so whoever may choose what is rendered must not learn of it.
   */
  readonly failure?: EngineError | undefined
  /** Whether anything secret took part. */
  readonly hasSecrets: boolean
  readonly chart?: ChartInput
  /** Hooks of a release, counted where no secret decides which there are. */
  readonly hooks?: number
  /** What was fetched to render it, by what it is (`source`, `chart`), with digests. */
  readonly artifacts: { readonly [name: string]: string }
}

/** An object of a side as the parts around a plan use it. */
export interface SideObject {
  /** Names the object in both commits: kind, namespace and name as they are with placeholders. */
  readonly id: string
  /**
   * The object with placeholders; without secrets, as it is. This is looked up and dry-run (see triedObject). Where it has placeholders a refusal says nothing, since a placeholder may stand where a number must:
   * `desired` can be asked about instead.
   */
  readonly shown: KubeObject
  readonly hasPlaceholders: boolean
  /** The same with other placeholders; undefined where there are none, or nothing is known of it. */
  readonly twin?: KubeObject | undefined
  /** A secret is part of its name, as where a generator hashes it: what the cluster calls it is another name. */
  readonly isNameHidden?: boolean
  /** As it would be applied; undefined where that is not known, or where only the rendering with placeholders has it. */
  readonly desired?: KubeObject | undefined
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
  /** What both commits render, as it may be shown; where the change asks for it. */
  readonly manifests?: readonly ApplicationManifests[]
}
