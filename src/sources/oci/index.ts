/**
 * Registries: artifacts and charts over the distribution API, logins from pull secrets. Matches source-controller 1.9 (ocirepository_controller) and go-containerregistry's choices.
 * @module
 */
export {
  parseChallenge,
  printRepository,
  readAnnotations,
  readDescriptor,
  RegistryClient,
  type OciDescriptor,
  type OciDeps,
  type OciManifest,
  type RegistryOptions,
} from './client.ts'
export { registryLogin, type RegistryLogin } from './docker-config.ts'
export { defaultOciLimits, type OciLimits } from './limits.ts'
export { isOciDigest, parseOciUrl, type OciRepositoryName } from './reference.ts'
export { findManifest, listReferrers, type OciReferrer } from './referrers.ts'
export {
  applyIgnoreRules,
  chartLayerType,
  chartTag,
  fetchOci,
  fetchOciChart,
  resolveOci,
  type LayerSelector,
  type OciContent,
  type OciReference,
  type ResolvedOci,
} from './repository.ts'
