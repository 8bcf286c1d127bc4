/**
 * Helm repositories over HTTP: the index, read in a stream, and packaged charts. Matches source-controller 1.9 (internal/helm/repository) and Helm v4 (pkg/repo).
 * @module
 */
export { helmCredentials } from './credentials.ts'
export { parseEntries, type ChartVersion } from './entries.ts'
export { defaultHelmLimits, type HelmSourceLimits } from './limits.ts'
export {
  downloadChart,
  downloadProvenance,
  fetchHelmIndex,
  parseHelmUrl,
  type HelmDeps,
  type HelmIndex,
  type HelmRepositoryOptions,
} from './repository.ts'
export { selectVersion } from './select-version.ts'
