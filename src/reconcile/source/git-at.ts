import { EngineError } from '../../base/index.ts'
import { fetchArtifact, resolveRevision, type SourceArtifact } from '../../sources/index.ts'
import type { ObjectKey } from '../job.ts'
import { commitOf } from '../safety/pin.ts'
import { idOfKey } from '../world.ts'
import { admitSource } from './admit-source.ts'
import { currentIncludes } from './git.ts'
import { refuseOutsider } from './git-pin.ts'
import { contentOptions, gitDeps, observedContent, remoteOf, verificationOf } from './git-request.ts'
import type { SourceContext } from './index.ts'

/** See SourceResults.artifactAt. Whoever asks for the same in one run shares it. */
export function sharedArtifactAt(
  ctx: SourceContext,
  key: ObjectKey,
  revision: string,
  options: { readonly isKnown: boolean },
): Promise<SourceArtifact> {
  const id = `artifact ${idOfKey(key)} ${revision} ${options.isKnown}`
  const found = (ctx.shared.get(id) as Promise<SourceArtifact> | undefined) ?? artifactAt(ctx, key, revision, options)
  ctx.shared.set(id, found)
  return found
}

async function artifactAt(
  ctx: SourceContext,
  key: ObjectKey,
  revision: string,
  { isKnown }: { readonly isKnown: boolean },
): Promise<SourceArtifact> {
  const object = ctx.world.get(idOfKey(key))
  const commit = commitOf(revision)
  if (object?.kind !== 'GitRepository' || commit === undefined) {
    throw new EngineError(
      `${key.kind} '${key.namespace}/${key.name}' cannot be fetched at ${revision}: only a GitRepository is there, and has commits, to choose from`,
      { code: 'pin-unsupported', reason: 'ArtifactFailed', disposition: 'wait' },
    )
  }
  admitSource(ctx, object)
  const remote = await remoteOf(ctx, object)
  if (!isKnown) {
    const head = await resolveRevision(gitDeps(ctx, object), remote)
    if (head.commit !== commit) await refuseOutsider(ctx, object, head.commit, commit)
  }
  const verify = await verificationOf(ctx, object)
  return fetchArtifact(gitDeps(ctx, object), {
    ...remote,
    ...contentOptions(observedContent(object)),
    include: await currentIncludes(ctx, object),
    resolved: { revision, commit },
    ...(verify === undefined ? {} : { verify }),
  })
}
