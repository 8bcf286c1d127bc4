import { EngineError } from '../base/index.ts'
import { fetchArtifact, resolveRevision } from './git/index.ts'

/** Kinds of sources, spelled as in their custom resources: `resolve` tells the current revision at the remote as cheaply as it can be told, `fetch` gets its artifact. A new kind is one folder beside `git` and one line here. */
export const sources = Object.freeze({
  GitRepository: Object.freeze({ resolve: resolveRevision, fetch: fetchArtifact }),
})

/** A kind with an entry in {@link sources}. */
export type SupportedSourceKind = keyof typeof sources

/** True for a kind with an entry in {@link sources}. */
export function isSupportedSourceKind(kind: string): kind is SupportedSourceKind {
  return Object.hasOwn(sources, kind)
}

/** The error for a kind without an entry: EngineError `unsupported-source-kind`, reason `UnsupportedSourceKind`. */
export function unsupportedSourceKind(kind: string): EngineError {
  return new EngineError(
    `sources of kind ${kind.slice(0, 80)} are not supported yet; supported: ${Object.keys(sources).join(', ')}`,
    { code: 'unsupported-source-kind', reason: 'UnsupportedSourceKind', data: { kind: kind.slice(0, 80) } },
  )
}
