import type { Clock } from '../ports/index.ts'
import type { ForgeDeps, ForgeKind, ForgeTarget } from './types.ts'

/** What pull requests are looked after with. */
export interface PullDeps extends ForgeDeps {
  /** Pauses that forges ask for are waited out within bounds. */
  readonly clock: Clock
  /** Sets the status of a commit at this forge (src/notify has that for every forge). Not needed for an App of GitHub, which has check runs. */
  readonly setStatus?: (status: PullStatus) => Promise<void>
}

/** A status of a commit. Statuses of the same context replace each other. */
export interface PullStatus {
  readonly commit: string
  readonly context: string
  readonly state: 'pending' | 'success' | 'failure'
  readonly description: string
  readonly url?: string
}

/** A repository with pull requests, and who asks. */
export interface PullTarget extends Omit<ForgeTarget, 'token'> {
  /** The token of now: that of an App's installation lasts an hour. Never printed. */
  readonly token: () => Promise<string>
  /** The App of GitHub whose installation the token is of. It has check runs, and cannot ask who it is. */
  readonly app?: { readonly id: number }
}

/** Somebody at a forge. */
export interface ForgeUser {
  /** The forge's own id, which stays when a name changes hands. */
  readonly id: string
  readonly login: string
  /** A program: a bot of GitHub, a token's user at GitLab. */
  readonly isBot: boolean
}

/** A review that counts now: the last of each person. */
export interface PullReview {
  readonly by: ForgeUser
  readonly verdict: 'approved' | 'changes-requested'
  /** The commit that was looked at; missing where the forge does not tell. */
  readonly commit?: string
}

/** A pull (merge) request as its forge describes it now. Texts are its author's: hostile. */
export interface PullRequest {
  readonly number: number
  readonly title: string
  readonly webUrl: string
  readonly author: ForgeUser
  readonly state: 'open' | 'closed' | 'merged'
  readonly isDraft: boolean
  /** The head lies in another repository than the base, or in one that is gone. */
  readonly isFork: boolean
  readonly base: {
    readonly branch: string
    /** What the branch stood at when the forge last compared, where it tells; {@link PullRequests.readBranch} tells where it is now. */
    readonly commit?: string
  }
  readonly head: {
    readonly branch: string
    readonly commit: string
    /** `owner/name`; missing where that repository is gone, or not to be seen. */
    readonly repository?: string
  }
  /** The ref of the base repository that is the head, also of a fork's: `refs/pull/7/head`. */
  readonly headRef: string
  /** Where the head left the base; missing where the forge does not tell. */
  readonly mergeBase?: string
  /** The commit on the base branch that brought the change, once merged. */
  readonly mergeCommit?: string
  /** When it was merged: milliseconds since 1970, at the latest that the forge can mean; missing where it does not tell. */
  readonly mergedAt?: number
  readonly labels: readonly string[]
  readonly reviews: readonly PullReview[]
}

/** A file that a pull request changes. */
export interface ChangedFile {
  readonly path: string
  /** Where it was before it was moved. */
  readonly previousPath?: string
  readonly change: 'added' | 'modified' | 'removed' | 'renamed'
}

/** Files that a pull request changes; not all of them where there are too many. */
export interface ChangedFiles {
  readonly files: readonly ChangedFile[]
  readonly isComplete: boolean
}

/** A comment on a pull request. The text is its author's: hostile. */
export interface PullComment {
  readonly id: string
  readonly author: ForgeUser
  readonly text: string
  /** Changed after it was written; somebody else with the right to may have done it. */
  readonly isEdited: boolean
  /** When it was written: milliseconds since 1970, at the latest that the forge can mean; missing where it does not tell. */
  readonly createdAt?: number
}

/** A remark at a place of a file. */
export interface CheckAnnotation {
  readonly path: string
  readonly line: number
  readonly endLine?: number
  readonly level: 'notice' | 'warning' | 'failure'
  readonly title?: string
  readonly message: string
}

/** What a check found on a commit. */
export interface CheckReport {
  readonly commit: string
  /** Name of the check: reports of the same name replace each other. */
  readonly name: string
  /** Tells reports of the same commit apart: what was reported half is finished only by the same report. */
  readonly key: string
  readonly state: 'running' | 'success' | 'failure' | 'neutral' | 'action-required'
  /** One line, also the description of a status. */
  readonly title: string
  /** Markdown, at most 65,535 bytes. Shown with a check run only. */
  readonly summary: string
  /** The page with everything. */
  readonly url?: string
  readonly annotations: readonly CheckAnnotation[]
}

/** How a report was told. */
export interface CheckOutcome {
  readonly as: 'check-run' | 'status'
  /** Remarks that the forge has now. With a status there are none: it has no place for them. */
  readonly annotations: number
}

/** What somebody may do with a repository, most first. */
export const permissions = ['admin', 'maintain', 'write', 'triage', 'read', 'none'] as const
export type Permission = (typeof permissions)[number]

/** What a new pull request should be. */
export interface RevertWish {
  readonly title: string
  readonly body: string
}

/** A pull request that was opened, or was there already. */
export interface OpenedPull {
  readonly number: number
  readonly webUrl: string
  readonly isNew: boolean
}

/** What our comment should say. */
export interface CommentWish {
  /** Hidden, and by it the comment is found again. */
  readonly marker: string
  readonly body: string
  /** None is made where there is none. */
  readonly onlyWhereThere?: boolean
}

/** A comment that was looked after. `absent`: there is none, and none was to be made. */
export interface KeptComment {
  readonly id: string
  readonly outcome: 'created' | 'updated' | 'unchanged' | 'absent'
}

/**
 * The pull requests of one repository. Every method asks the forge; errors are those of {@link Forge}, with `forge-unavailable` (`retry`, `retryAfterMs`) when a limit lasts longer than is waited. Names of people, groups, paths
 * and commits are checked before they become part of a URL (`forge-request`).
 */
export interface PullRequests {
  readonly kind: ForgeKind
  readonly title: string
  /** Undefined where there is none, or the token may not see it. */
  readonly read: (number: number) => Promise<PullRequest | undefined>
  /** The commit of a branch now; undefined where there is none. */
  readonly readBranch: (branch: string) => Promise<string | undefined>
  readonly listFiles: (number: number) => Promise<ChangedFiles>
  /** A file at a commit, never at a branch; undefined where there is none. @throws EngineError `forge-file` for what is no file, or larger than a megabyte. */
  readonly readFile: (path: string, commit: string) => Promise<Uint8Array | undefined>
  /** A comment as it is now; undefined where there is none on this pull request. */
  readonly readComment: (number: number, id: string) => Promise<PullComment | undefined>
  /**
   * Makes or changes the one comment of ours with a hidden marker: one that somebody else wrote, or copied the marker into, is never taken. More than one of ours become one.
   *
   * @throws EngineError `comment-too-large` above {@link maxCommentBytes}.
   */
  readonly upsertComment: (number: number, comment: CommentWish) => Promise<KeptComment>
  /** Deletes ours with the marker. @returns whether there was one. */
  readonly deleteComment: (number: number, marker: string) => Promise<boolean>
  /** Tells what a check found: as a check run with remarks at lines (an App of GitHub), else as a status of the commit. */
  readonly reportCheck: (report: CheckReport) => Promise<CheckOutcome>
  /** What somebody may do; `none` for nobody known. */
  readonly permissionOf: (login: string) => Promise<Permission>
  /** Whether somebody is an active member of an organisation (`team`), of a team in it (`team/leads`), or of a group with its parents (GitLab). */
  readonly isMember: (login: string, group: string) => Promise<boolean>
  /** Opens the pull request that takes back a merged one. @throws EngineError `forge-revert` where the forge cannot make it; says why and what to do. */
  readonly openRevert: (number: number, wish: RevertWish) => Promise<OpenedPull>
}
