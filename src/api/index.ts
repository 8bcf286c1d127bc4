/**
 * Our custom resources, which are Flux's: types, names, condition helpers, and the schemas that give defaults and validation and from which
 * the CRDs in infra/crds are generated. Pure. Follows the API packages of kustomize-controller 1.10, helm-controller 1.7,
 * source-controller 1.10 and notification-controller 1.10.
 * @module
 */
export * from './conditions.ts'
export * from './names.ts'
export { conditionTypes, reasons } from './reasons.ts'
export { findUnservable } from './servable.ts'
export * from './resources.ts'
export { composeCrd } from './schema/crd.ts'
export { definitions, type PrinterColumn, type ResourceDefinition } from './schema/definitions.ts'
export type { ValidateOptions } from './schema/validate.ts'
export type * from './bucket.ts'
export type * from './external-artifact.ts'
export type * from './git-repository.ts'
export type * from './helm-chart.ts'
export type * from './helm-release.ts'
export type * from './helm-repository.ts'
export type * from './kustomization.ts'
export type * from './metadata.ts'
export type * from './notification.ts'
export type * from './oci-repository.ts'
export type * from './shared-types.ts'
