import type { KubeObject } from '../resources/index.ts'
import type { Raw } from './raw.ts'
import type { Rendered } from './taint.ts'

/** Everything that a plan is made of: what the engine has found out, with values that may hold secrets. */
export interface PlanInput {
  readonly change: ChangeInput
  readonly applications: readonly ApplicationInput[]
}

/** What is looked at: a pull request, or two commits. */
export interface ChangeInput {
  /** URL or `owner/name`. */
  readonly repository: string
  readonly pullRequest?: number | undefined
  /** The commit that the change started from, and its last one. */
  readonly base: string
  readonly head: string
}

/** How far an application could be looked at. `unaffected`: its inputs are those of the base. */
export type InputState = 'planned' | 'unaffected' | 'failed' | 'held' | 'blocked'

/** Names one of our objects on one cluster. */
export interface ApplicationKey {
  readonly cluster: string
  readonly kind: 'Kustomization' | 'HelmRelease'
  readonly namespace: string
  readonly name: string
}

/** A Kustomization or HelmRelease on one cluster. */
export interface ApplicationInput extends ApplicationKey {
  readonly tenant?: string | undefined
  /** Names the cluster that it is applied to, where that is not the one of the plan. Only compared with that of others. */
  readonly destination?: string | undefined
  readonly state: InputState
  /** Why it is held or blocked, and what else is to be known. */
  readonly reason?: Raw<string> | undefined
  /** Everything that is wrong, of rendering and of dry-runs that concern no single object. */
  readonly errors?: readonly ErrorInput[]
  /** Whether objects that disappear from Git are deleted (`spec.prune`; always for releases). */
  readonly prune: boolean
  /** Whether objects are deleted and created again where a field cannot be changed (`spec.force`). */
  readonly force: boolean
  /** Whether the cluster was asked. `denied`: this change may not (a fork). Without it, base and head are compared. */
  readonly live: 'read' | 'not-asked' | 'denied' | 'unreachable'
  /** Whether a secret took part in its rendering: messages are shown without what they quote then. */
  readonly hasSecrets: boolean
  /** Objects of ours above this one that are suspended: what this change does arrives when they are resumed. */
  readonly suspendedParents?: readonly DependencyInput[]
  /** Dependencies that are not ready and cannot become so. */
  readonly deadDependencies?: readonly DependencyInput[]
  readonly chart?: { readonly base?: ChartInput | undefined; readonly head?: ChartInput | undefined } | undefined
  /** Every object of base, of head and of the inventory, those that stay the same included: rules look for references among them. */
  readonly objects: readonly ObjectInput[]
}

export interface ErrorInput {
  readonly message: Raw<string>
  /** `render`, `dry-run`, `source`, `policy`, …: where it came up. */
  readonly phase: string
  readonly file?: string | undefined
  readonly line?: number | undefined
  readonly object?: { readonly kind: string; readonly namespace: string; readonly name: string } | undefined
}

export interface DependencyInput {
  readonly kind: string
  readonly namespace: string
  readonly name: string
  /** `does not exist`, `waits for this application`, `is suspended`: after the name. */
  readonly why?: Raw<string> | undefined
}

export interface ChartInput {
  readonly name: string
  readonly version: string
}

/** One object on one cluster, from up to five sides. */
export interface ObjectInput {
  /** As base and head render it, with owner labels left out or the same on both sides. */
  readonly base?: Rendered | undefined
  readonly head?: Rendered | undefined
  /** As it is in the cluster; undefined where it is not there, or the cluster was not asked. */
  readonly live?: Raw<KubeObject> | undefined
  /** What the dry-run of head answered; undefined where it was refused or not tried. */
  readonly result?: Raw<KubeObject> | undefined
  /** What the dry-run of base answered, where it was tried: drift is then free of defaults and other spellings of a value. */
  readonly baseResult?: Raw<KubeObject> | undefined
  /** The dry-run of head was refused. */
  readonly refusal?: { readonly message: Raw<string>; readonly isImmutable: boolean } | undefined
  /** Why it is left alone (an annotation, a policy). */
  readonly skip?: Raw<string> | undefined
  /** Whether it would be deleted if it is gone from head; default: `prune` of the application. */
  readonly prune?: boolean | undefined
  /** Whether it would be deleted and created again where a field cannot be changed; default: `force` of the application. */
  readonly force?: boolean | undefined
  /** Why no dry-run of it is possible yet, although nothing is wrong with it: its namespace or kind comes with the same change. */
  readonly unchecked?: Raw<string> | undefined
}
