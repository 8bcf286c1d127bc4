import type { PlanDocument, Verdict } from '../plan/index.ts'

/** What is known of a plan besides its content. Title and names are their authors': hostile. */
export interface PlanHead {
  readonly id: string
  readonly repository: string
  /** Missing for a plan after a merge whose pull request is not known. */
  readonly number?: number
  readonly title: string
  readonly author: string
  /** The pull request at its forge. */
  readonly webUrl: string
  readonly isFork: boolean
  readonly branch: string
  readonly base: string
  readonly head: string
  /** `superseded`: a newer commit is planned. */
  readonly state: 'current' | 'superseded' | 'merged' | 'closed'
  /** The commit that brought it. */
  readonly mergeCommit?: string
  /** The clusters that it was made for after the merge: they wait, because what was merged is not what was approved. */
  readonly afterMerge?: readonly string[]
  /** Undefined while it is being made. */
  readonly verdict?: Verdict
  readonly touched?: number
  readonly dangers?: number
  readonly run: string
  /** Milliseconds since 1970. */
  readonly at: number
  /** Who asked for it by a comment. */
  readonly askedBy?: string
  /** Whether clusters were asked, and secrets took part. */
  readonly live: 'read' | 'denied'
  readonly secrets: 'used' | 'withheld'
  /** What both commits render is stored as YAML. */
  readonly manifests?: true
}

/** When a plan reached each stage, in milliseconds since 1970. */
export interface PlanTimes {
  /** The delivery, or the comment, that asked for it came in. */
  readonly receivedAt: number
  /** The forge had been asked what there is to plan, and every cluster's part was queued. */
  readonly queuedAt: number
  /** The last cluster had made its part. */
  readonly plannedAt?: number
  /** Comment and check stood at the forge. */
  readonly toldAt?: number
}

/** A plan as its page shows it. */
export interface PlanView {
  readonly head: PlanHead
  readonly document: PlanDocument
  readonly isPending: boolean
  readonly times: PlanTimes
  /** What is wrong with the repository's own configuration. */
  readonly problems: readonly string[]
  /** What waited when it was made after the merge, and why. Names are hostile. */
  readonly waiting?: readonly { readonly application: string; readonly why: string }[]
  /** The last command that was not followed. */
  readonly refused?: { readonly by: string; readonly why: string; readonly at: number }
}
