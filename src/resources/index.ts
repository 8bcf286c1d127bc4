/**
 * Kubernetes objects as data: identity, order of kinds, patches, field paths, and facts about the built-in schema. Pure.
 * Orders and ids match Flux 2.9, Helm 4 and kustomize 5.8.1.
 * @module
 */
export * from './identity.ts'
export * from './kind-order.ts'
export * from './object.ts'
