/**
 * Kubernetes-flavoured YAML: reads both dialects (go-yaml v2 for Helm and Kubernetes, v3 for kustomize) with positions and limits, prints as
 * sigs.k8s.io/yaml 1.6 does, and JSON as Go does. Pure. Sole importer of the YAML libraries: js-yaml gives the events of a text, everything
 * else, from scalars to folding, is done here.
 * @module
 */
export {
  readCommented,
  type CommentedMapping,
  type CommentedNode,
  type CommentedPair,
  type CommentedScalar,
  type CommentedSequence,
  type YamlComment,
} from './commented-read.ts'
export { printCommented, type PrintedComment, type PrintedNode } from './commented-print.ts'
export { printEdited, type EditAt, type YamlEdit } from './edited-print.ts'
export { defaultYamlLimits, type YamlDialect, type YamlLimits, type YamlMapValue, type YamlValue } from './dialect.ts'
export type { YamlFault, YamlNotes } from './compose.ts'
export { splitDocuments, splitManifest, type DocumentText } from './documents.ts'
export { printJson, type PrintJsonOptions } from './json.ts'
export { compareKeys } from './key-order.ts'
export { formatFloat, formatJsonNumber } from './numbers.ts'
export { parseDocuments, parseYaml, type ParseOptions, type ParsedYaml, type YamlDocument } from './parse.ts'
export { printYaml, type PrintOptions, type YamlScalarSource } from './print.ts'
export { isTimestamp, resolveScalar } from './scalars.ts'
