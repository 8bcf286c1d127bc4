/**
 * `kustomize build` as a pure function over a FileTree, plus what Flux adds to it: the overlay of a Kustomization's spec and post-build
 * substitution. Matches kustomize v5.8.1 (api v0.21.1, kyaml v0.21.1) and kustomize-controller 1.9. Plugins that run programs are refused;
 * remote content and charts come from functions that the caller passes in.
 * @module
 */
export { build, KUSTOMIZE_VERSION, type BuildOptions, type BuildResult } from './build.ts'
export type { RemoteContent, RenderRequest, ResolveRemote } from './build-context.ts'
export type { HelmChartRequest, InflateHelm } from './generators/helm-charts.ts'
export { DEFAULT_LIMITS, type BuildLimits, type LoadRestrictions } from './loader.ts'
export type { SourcePlace } from './resource.ts'
export { fluxOverlay, type KustomizationOverlaySpec } from './overlay.ts'
export { compileSelector, type CompiledSelector } from './selector.ts'
export { parseRepositoryUrl, type RepositoryUrl } from './repository-url.ts'
export { substitute, type SubstituteOptions } from './substitute.ts'
