import type { Hook } from '../manifest/hook.ts'
import type { ReleaseStatus, Values } from '../values/values.ts'

/** What happened to a release (Helm v4 pkg/release/v1 Info). Times are RFC 3339, with up to nine digits of seconds. */
export interface ReleaseInfo {
  readonly first_deployed?: string
  readonly last_deployed?: string
  readonly deleted?: string
  readonly description: string
  readonly status: ReleaseStatus
  readonly rollback_revision?: number
  readonly notes?: string
  readonly resources?: { readonly [key: string]: unknown }
}

/** A file of a stored chart; `data` is base64. */
export interface StoredFile {
  readonly name: string
  readonly data: string
  readonly modtime?: string
}

/** Chart.yaml as a release stores it: JSON field names, only fields that are set. */
export interface StoredMetadata {
  readonly name?: string
  readonly home?: string
  readonly sources?: readonly string[]
  readonly version?: string
  readonly description?: string
  readonly keywords?: readonly string[]
  readonly maintainers?: readonly { readonly name?: string; readonly email?: string; readonly url?: string }[]
  readonly icon?: string
  readonly apiVersion?: string
  readonly condition?: string
  readonly tags?: string
  readonly appVersion?: string
  readonly deprecated?: boolean
  readonly annotations?: { readonly [key: string]: string }
  readonly kubeVersion?: string
  readonly dependencies?: readonly StoredDependency[]
  readonly type?: string
}

/** A dependency of a stored chart. */
export interface StoredDependency {
  readonly name: string
  readonly version?: string
  readonly repository: string
  readonly condition?: string
  readonly tags?: readonly string[]
  readonly enabled?: boolean
  readonly 'import-values'?: readonly unknown[]
  readonly alias?: string
}

/** A chart as a release stores it. Its sub-charts are not stored: Helm keeps them in a private field. */
export interface StoredChart {
  readonly metadata: StoredMetadata | null
  readonly lock: {
    readonly generated: string
    readonly digest: string
    readonly dependencies: readonly StoredDependency[] | null
  } | null
  readonly templates: readonly StoredFile[] | null
  readonly values: Values | null
  /** Base64. */
  readonly schema: string | null
  readonly schemamodtime?: string
  readonly files: readonly StoredFile[] | null
  readonly modtime?: string
  /** What templates and files were made from: charts of the same have the same. Not stored. */
  readonly origin?: { readonly templates: object; readonly files: object }
}

/** A release as Helm stores it (Helm v4 pkg/release/v1 Release). Members have the names of the storage format. */
export interface Release {
  readonly name: string
  readonly info: ReleaseInfo
  readonly chart?: StoredChart
  /** The user's values. */
  readonly config?: Values
  readonly manifest: string
  readonly hooks: readonly Hook[]
  readonly version: number
  readonly namespace: string
  readonly apply_method?: 'ssa' | 'csa'
}
