import type { Artifact } from '../ports/index.ts'

/** An artifact whose content may still be at the remote. */
export interface SourceArtifact extends Artifact {
  /** The artifact's bytes where it is one file as it came: a packaged chart, a layer that is copied, an archive made elsewhere. */
  readonly archive?: Uint8Array
  /**
   * Gets all files below these directories (or these files) that are not at hand yet, in one request where possible. A render over them then
   * asks for nothing. Paths that do not exist are ignored.
   */
  prefetch(paths: readonly string[], signal?: AbortSignal): Promise<void>
}
