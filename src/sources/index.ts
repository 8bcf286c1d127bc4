/**
 * Sources: from a custom resource to an Artifact {revision, digest, FileTree}. Not pure: talks to forges, registries and buckets through the HttpClient port, with a
 * byte limit and a deadline on everything. What a run does with
 * the sources of a kind, and which kinds there are, is the table of `reconcile/source`.
 * @module
 */
export { packTree } from './archive/pack-tree.ts'
export { extractTarGz, type ExtractLimits } from './archive/read-tar-gz.ts'
export { packTarGz, type PackedFile } from './archive/write-tar.ts'
export type { SourceArtifact } from './artifact.ts'
export {
  artifactBlobKey,
  artifactFileDigest,
  artifactLink,
  artifactSignature,
  type ArtifactLinkOptions,
  type ArtifactName,
} from './artifact-link.ts'
export { fetchBytes, type FetchDeps } from './fetch.ts'
export * from './bucket/index.ts'
export * from './git/index.ts'
export * from './helm/index.ts'
export * from './oci/index.ts'
export { ignoreFileName, ignoreFilter } from './ignore/ignore-filter.ts'
export { ignoredPaths } from './ignore/ignored-path.ts'
export type { IgnoreRules } from './ignore/ignore-filter.ts'
export type { RequestCredentials, RequestDeps } from './request.ts'
export { credentialsError, proxyOfSecret, secretText, tlsOfSecret } from './secret.ts'
export * from './verify/index.ts'
