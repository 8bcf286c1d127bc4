import type { Condition } from './conditions.ts'
import type { CustomResource } from './metadata.ts'
import type { ArtifactStatus, NamespacedObjectKindReference } from './shared-types.ts'

export interface ExternalArtifactSpec {
  readonly sourceRef?: NamespacedObjectKindReference
}

/** Written by whoever made the artifact. */
export interface ExternalArtifactStatus {
  artifact?: ArtifactStatus
  conditions?: readonly Condition[]
  exportedInputs?: { readonly [key: string]: unknown }
}

/** `source.toolkit.fluxcd.io/v1`. */
export type ExternalArtifact = CustomResource<'ExternalArtifact', ExternalArtifactSpec, ExternalArtifactStatus>
