import type { Bucket } from '../../api/index.ts'
import type { BucketClient, BucketDeps, BucketQuery, SourceArtifact } from '../../sources/index.ts'
import {
  artifactFileDigest,
  bucketFailed,
  extractTarGz,
  fetchBucket,
  listBucket,
  packTree,
} from '../../sources/index.ts'
import { bucketClient } from './bucket-client.ts'
import type { SourceContext } from './index.ts'
import { artifactPath } from './object-status.ts'
import { deadlineOf, refreshSource, type SourceLook } from './refresh-source.ts'
import { keepStored, readStored } from './stored-artifact.ts'

/**
 * One look at a Bucket: lists it and, where its revision is new, downloads it (source-controller 1.9, bucket_controller). Nothing changed = nothing is downloaded.
 */
export async function refreshBucket(ctx: SourceContext, object: Bucket): Promise<SourceArtifact | undefined> {
  return refreshSource(ctx, object, bucketFailed, (current) => lookAtBucket(ctx, current))
}

/** What such a look finds; nothing is written to the object. Effects: the artifact in the store. @throws EngineError with the reason of what is wrong. */
export async function lookAtBucket(ctx: SourceContext, object: Bucket): Promise<SourceLook> {
  const deps = bucketDeps(ctx)
  const client = await bucketClient(ctx, deps, object)
  const index = await listBucket(deps, client, queryOf(ctx, object))
  const recorded = object.status?.artifact
  const isSame = recorded?.revision === index.revision
  const stored = isSame ? await readStored(ctx, recorded) : undefined
  if (stored !== undefined)
    return lookOf(object, await storedArtifact(ctx, index.revision, stored), index.objects.length)
  const found = await download(ctx, { deps, client, object, index })
  return lookOf(object, found.artifact, found.count)
}

/** The artifact recorded in the status, from the store; fetched again where it is gone from there. */
export async function currentBucket(ctx: SourceContext, object: Bucket): Promise<SourceArtifact | undefined> {
  const recorded = object.status?.artifact
  if (recorded === undefined) return undefined
  const stored = await readStored(ctx, recorded)
  return stored === undefined ? refreshBucket(ctx, object) : storedArtifact(ctx, recorded.revision, stored)
}

function bucketDeps(ctx: SourceContext): BucketDeps {
  const { http, clock, limits, settings } = ctx.deps
  return { http, clock, egress: settings.egress, limits: limits.bucket }
}

/** `spec.timeout` is the deadline of listing, and again of downloading. */
function queryOf(ctx: SourceContext, object: Bucket): BucketQuery {
  const { bucketName, prefix, ignore, timeout } = object.spec
  return { bucket: bucketName, prefix, ignore, signal: deadlineOf(ctx, timeout) }
}

async function download(
  ctx: SourceContext,
  from: {
    readonly deps: BucketDeps
    readonly client: BucketClient
    readonly object: Bucket
    readonly index: Awaited<ReturnType<typeof listBucket>>
  },
): Promise<{ readonly artifact: SourceArtifact; readonly count: number }> {
  const { deps, client, object, index } = from
  const { revision, files, count } = await fetchBucket(deps, client, queryOf(ctx, object), index)
  const bytes = packTree(files)
  await keepStored(ctx, artifactPath(object, fileOf(revision)), bytes)
  const prefetch = (): Promise<void> => Promise.resolve()
  return { artifact: { revision, digest: await artifactFileDigest(bytes), size: bytes.length, files, prefetch }, count }
}

function lookOf(object: Bucket, artifact: SourceArtifact, count: number): SourceLook {
  const { spec, status } = object
  const { revision, digest } = artifact
  const isRecorded = status?.artifact?.revision === revision
  return {
    artifact,
    file: fileOf(revision),
    reason: 'Succeeded',
    message: `stored artifact: revision '${revision}'`,
    event: {
      reason: status?.artifact?.digest === digest ? 'Succeeded' : 'NewArtifact',
      message: `stored artifact with ${count} fetched files from '${spec.bucketName}' bucket`,
    },
    // compat(flux): other patterns that lead to the same revision are not noted.
    observed: { observedIgnore: isRecorded ? status.observedIgnore : spec.ignore },
  }
}

async function storedArtifact(ctx: SourceContext, revision: string, bytes: Uint8Array): Promise<SourceArtifact> {
  const { bucket } = ctx.deps.limits
  const limits = { maxFiles: bucket.maxObjects + 1, maxExtractedBytes: 2 * bucket.maxTotalBytes }
  return {
    revision,
    digest: await artifactFileDigest(bytes),
    size: bytes.length,
    files: await extractTarGz(bytes, limits, bucketFailed),
    prefetch: () => Promise.resolve(),
  }
}

function fileOf(revision: string): string {
  return `${revision.slice(revision.indexOf(':') + 1)}.tar.gz`
}
