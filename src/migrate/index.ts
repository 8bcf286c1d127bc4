/**
 * Takes over what others run: a cluster of Flux's controllers (and gives it back), objects that nobody manages, releases of the helm command line. Finds, compares and says; the only
 * writes are those of a hand-over, and none of them is to a workload. Facts about Flux are of 2.9.
 * @module
 */
export {
  controllerOf,
  findFlux,
  handOverAnnotations,
  type Controller,
  type FluxInstallation,
  type FluxInstance,
} from './flux/controllers.ts'
export { flagsOf, mapFlags, type FlagNote, type MappedFlags } from './flux/flags.ts'
export { isLeaseHeld, startControllers, stopControllers, type HandOver } from './flux/hand-over.ts'
export { proveUnchanged, type Proof } from './flux/prove.ts'
export { labelPart, notApart, selectPart, shardPatch, shardSelector, type PartWish } from './flux/shard.ts'
export {
  countKinds,
  crossReferences,
  surveyFlux,
  type FluxSurvey,
  type KindCount,
  type UnservedKind,
} from './flux/survey.ts'
export { heldLocks, verifyHandOver, type Verification } from './flux/verify.ts'
export { adopt, isSecret, type Adoption, type AdoptiveParent } from './kubectl/adopt.ts'
export { afterFold } from './kubectl/after-fold.ts'
export { withoutDefaults } from './kubectl/defaults.ts'
export { adoptiveKustomization, manifestFiles, type Files } from './kubectl/files.ts'
export { findNamed, findUnmanaged, sortOut, type Found, type LeftOut } from './kubectl/find.ts'
export { project, widerWishes, wishOf, type Wish } from './kubectl/manifest.ts'
export { adoptRelease, isThere, proveRelease, type ReleaseProof } from './helm/adopt.ts'
export { releaseManifests, type ChartOrigin, type ReleaseManifests } from './helm/manifests.ts'
export { findReleases, type FoundRelease, type FoundReleases } from './helm/releases.ts'
export { splitSecrets, type SplitValues, type ValuesReference } from './helm/values.ts'
