import { EngineError } from '../../base/index.ts'
import type { SourceArtifact } from '../../sources/index.ts'
import type { Source } from '../world.ts'
import { currentBucket, refreshBucket } from './bucket.ts'
import { externalArtifact, refreshExternalArtifact } from './external-artifact.ts'
import { currentArtifact, refreshGitRepository } from './git.ts'
import { currentHelmChart, refreshHelmChart } from './helm-chart.ts'
import { currentHelmRepository, refreshHelmRepository } from './helm-repository.ts'
import type { SourceContext } from './index.ts'
import { currentOciRepository, refreshOciRepository } from './oci-repository.ts'

/** What the engine does with the sources of one kind. A new kind is one file and one line in the table below. */
interface SourceKind<T extends Source> {
  /** Looks at the server and writes the status; undefined where there is no artifact to be had now. Rejects only when the cluster cannot be reached. */
  refresh(ctx: SourceContext, object: T): Promise<SourceArtifact | undefined>
  /** The artifact recorded in the status, without asking what is new; undefined where none is recorded. */
  current(ctx: SourceContext, object: T): Promise<SourceArtifact | undefined>
}

type SourceTable = { readonly [K in Source['kind']]?: SourceKind<Extract<Source, { kind: K }>> }

const kinds: SourceTable = Object.freeze({
  GitRepository: {
    refresh: refreshGitRepository,
    current: async (ctx, object) =>
      object.status?.artifact === undefined ? undefined : await currentArtifact(ctx, object),
  },
  OCIRepository: { refresh: refreshOciRepository, current: currentOciRepository },
  HelmRepository: { refresh: refreshHelmRepository, current: currentHelmRepository },
  Bucket: { refresh: refreshBucket, current: currentBucket },
  ExternalArtifact: { refresh: refreshExternalArtifact, current: externalArtifact },
  HelmChart: { refresh: refreshHelmChart, current: currentHelmChart },
} satisfies SourceTable)

/** See {@link SourceKind}. */
export function refreshByKind(ctx: SourceContext, object: Source): Promise<SourceArtifact | undefined> {
  const kind = kinds[object.kind] as SourceKind<Source> | undefined
  return kind === undefined ? Promise.resolve(undefined) : kind.refresh(ctx, object)
}

/** See {@link SourceKind}. @throws EngineError `unsupported-source-kind`. */
export function currentArtifactOf(ctx: SourceContext, object: Source): Promise<SourceArtifact | undefined> {
  const kind = kinds[object.kind] as SourceKind<Source> | undefined
  return kind === undefined ? Promise.reject(unsupportedSourceKind(object.kind)) : kind.current(ctx, object)
}

function unsupportedSourceKind(kind: string): EngineError {
  return new EngineError(`sources of kind ${kind} are not supported yet; supported: ${Object.keys(kinds).join(', ')}`, {
    code: 'unsupported-source-kind',
    reason: 'UnsupportedSourceKind',
    data: { kind },
  })
}
