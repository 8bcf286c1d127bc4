/**
 * Kubernetes objects as data: identity, order of kinds, patches, field paths, label selectors, and facts about the built-in schema. Pure.
 * Orders and ids match Flux 2.9, Helm 4 and kustomize 5.8.1; strategic merging matches kyaml v0.21.1.
 * @module
 */
export * from './copy-value.ts'
export * from './field-differences.ts'
export * from './field-path.ts'
export * from './identity.ts'
export * from './json-diff.ts'
export * from './json-patch.ts'
export * from './json-pointer.ts'
export * from './kind-order.ts'
export * from './label-selector.ts'
export * from './merge-patch.ts'
export * from './object.ts'
export * from './schema.ts'
export * from './shared-slots.ts'
export * from './source-text.ts'
export { strategicMerge } from './strategic-merge.ts'
export type { MergeOptions } from './merge-rules.ts'
