import type { Condition } from './conditions.ts'

/** A Go duration: `30s`, `1h30m`. Only `ms`, `s`, `m`, `h`. */
export type DurationText = string

export type StringMap = { readonly [key: string]: string }

export interface LocalObjectReference {
  readonly name: string
}

export interface NamespacedObjectKindReference {
  readonly apiVersion?: string
  readonly kind: string
  readonly name: string
  readonly namespace?: string
}

/** An object of the same kind that must be ready first. */
export interface DependencyReference {
  readonly name: string
  readonly namespace?: string
  /** CEL over `self` and `dep`, in place of the built-in readiness check. */
  readonly readyExpr?: string
}

/** Exactly one of the two. */
export interface KubeConfigReference {
  readonly configMapRef?: LocalObjectReference
  readonly secretRef?: { readonly name: string; readonly key?: string }
}

export interface CommonMetadata {
  readonly labels?: StringMap
  readonly annotations?: StringMap
}

/** Selects objects of a build. Every field is a regular expression except the two selectors. */
export interface Selector {
  readonly group?: string
  readonly version?: string
  readonly kind?: string
  readonly namespace?: string
  readonly name?: string
  readonly annotationSelector?: string
  readonly labelSelector?: string
}

export interface Patch {
  readonly patch: string
  readonly target?: Selector
}

export interface ImageOverride {
  readonly name: string
  readonly newName?: string
  readonly newTag?: string
  readonly digest?: string
}

/** Health of a custom resource as CEL. */
export interface CustomHealthCheck {
  readonly apiVersion: string
  readonly kind?: string
  readonly current: string
  readonly inProgress?: string
  readonly failed?: string
}

/** JSON pointers that drift detection leaves alone. */
export interface IgnoreRule {
  readonly paths: readonly string[]
  readonly target?: Selector
}

/** What a source produced, as consumers find it. */
export interface ArtifactStatus {
  readonly digest: string
  readonly path: string
  readonly url: string
  readonly revision: string
  readonly lastUpdateTime: string
  readonly size?: number
  readonly metadata?: StringMap
}

/** `<namespace>_<name>_<group>_<kind>` and the API version of an applied object. */
export interface InventoryEntry {
  readonly id: string
  readonly v: string
}

export interface ResourceInventory {
  readonly entries: readonly InventoryEntry[]
}

/** Fields that every status has. */
export interface CommonStatus {
  observedGeneration?: number
  conditions?: readonly Condition[]
  /** The value of `reconcile.fluxcd.io/requestedAt` last acted on. */
  lastHandledReconcileAt?: string
}

export interface OidcIdentityMatch {
  readonly issuer: string
  readonly subject: string
}

/** Signature check of an OCI artifact or chart. */
export interface OciVerification {
  readonly provider: 'cosign' | 'notation'
  readonly secretRef?: LocalObjectReference
  readonly matchOIDCIdentity?: readonly OidcIdentityMatch[]
}
