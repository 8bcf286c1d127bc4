import { anything, mapOf, object, optional } from './node.ts'
import { artifact, conditions, kindReference } from './shared.ts'

/** `spec` of an ExternalArtifact. */
export const externalArtifactSpec = object('Where the artifact comes from.', {
  sourceRef: optional(kindReference('Object that the artifact was made from.')),
})

/** `status` of an ExternalArtifact, written by whoever makes the artifact. */
export const externalArtifactStatus = object('The artifact.', {
  artifact: optional(artifact),
  conditions: optional(conditions),
  exportedInputs: optional(mapOf('Values for whoever uses the artifact.', anything(''))),
})
