import { compareByteOrder, EngineError, isEngineError, mapLimit, safeEntryPath, sha256Hex } from '../../base/index.ts'
import { MemoryTree } from '../../files/index.ts'
import { ignoreFileName } from '../ignore/ignore-filter.ts'
import { matchesPattern, parseIgnoreFile } from '../ignore/pattern.ts'
import type { BucketClient, BucketDeps, BucketObject } from './client.ts'
import { bucketError, shown } from './errors.ts'

/** What a bucket contains now, without its content. */
export interface BucketIndex {
  readonly revision: string
  readonly objects: readonly BucketObject[]
  /** The ignore file of the bucket's root, which is part of the artifact but not of the revision. */
  readonly ignoreFile: Uint8Array | undefined
}

/** What is wanted of a bucket. */
export interface BucketQuery {
  /** Name, for messages. */
  readonly bucket: string
  readonly prefix?: string | undefined
  /** `spec.ignore`. */
  readonly ignore?: string | undefined
  readonly signal: AbortSignal
}

const maxIgnoreBytes = 1 << 20

/**
 * Lists a bucket (source-controller 1.9, fetchEtagIndex): keys that end with a slash, the ignore file and what is ignored are left out; patterns are those of the root's `.sourceignore` and then `spec.ignore`,
 * without defaults.
 *
 * @throws EngineError with reason `BucketOperationFailed`; `retry` where it may go away.
 */
export async function listBucket(deps: BucketDeps, client: BucketClient, query: BucketQuery): Promise<BucketIndex> {
  const { bucket, prefix = '', signal } = query
  const { maxListed, maxObjects } = deps.limits
  const listed: BucketObject[] = []
  let hasIgnoreFile = prefix !== ''
  try {
    for await (const page of client.list(prefix, signal)) {
      for (const object of page) {
        if (object.key === ignoreFileName) hasIgnoreFile = true
        else if (!object.key.endsWith('/')) listed.push(object)
      }
      if (listed.length > maxListed)
        throw bucketError('bucket-too-many-objects', `there are more than ${maxListed} objects; give a spec.prefix`)
    }
  } catch (error) {
    if (isEngineError(error) && error.code === 'bucket-not-found')
      throw inContext(error, `bucket '${bucket}' not found`)
    throw inContext(
      error,
      `indexation of objects from bucket '${bucket}' failed: listing objects from bucket '${bucket}' failed`,
    )
  }
  const ignoreFile = hasIgnoreFile ? await fetchIgnoreFile(client, signal) : undefined
  const patterns = [
    ...(ignoreFile === undefined ? [] : parseIgnoreFile(new TextDecoder().decode(ignoreFile), [])),
    ...(query.ignore === undefined ? [] : parseIgnoreFile(query.ignore, [])),
  ]
  const isIgnored = (key: string): boolean => {
    const path = key.split('/')
    return patterns.findLast((pattern) => matchesPattern(pattern, path, false))?.inclusion === false
  }
  const byKey = new Map(listed.filter(({ key }) => !isIgnored(key)).map((object) => [object.key, object]))
  const objects = [...byKey.values()].sort((a, b) => compareByteOrder(a.key, b.key))
  if (objects.length > maxObjects)
    throw bucketError(
      'bucket-too-many-objects',
      `bucket '${bucket}' has more than ${maxObjects} objects that are not ignored; give a spec.prefix, or hide some with spec.ignore`,
    )
  return { revision: revisionOf(objects), objects, ignoreFile }
}

/**
 * Downloads what an index names (source-controller 1.9, fetchIndexFiles): objects that have disappeared meanwhile are left out, those that have changed count with their new etag, so the revision may be another
 * than that of `index`. Nothing is downloaded where sizes or names are refused.
 *
 * @throws EngineError with reason `BucketOperationFailed`.
 */
export async function fetchBucket(
  deps: BucketDeps,
  client: BucketClient,
  query: BucketQuery,
  index: BucketIndex,
): Promise<{ readonly revision: string; readonly files: MemoryTree; readonly count: number }> {
  const { bucket, signal } = query
  const { maxObjectBytes, maxTotalBytes, concurrency } = deps.limits
  try {
    const paths = pathsOf(deps, index.objects)
    const fetched: BucketObject[] = []
    const files: [string, Uint8Array][] = index.ignoreFile === undefined ? [] : [[ignoreFileName, index.ignoreFile]]
    let left = maxTotalBytes
    await mapLimit(index.objects, concurrency, async (object, i) => {
      const { key } = object
      // A listing that lies about sizes costs one mebibyte for each download that runs, not more.
      const maxBytes = Math.min(maxObjectBytes, left, object.size + (1 << 20))
      const found = await client.get(object, { maxBytes, signal }).catch((error: unknown) => {
        throw inContext(error, `failed to get '${key.slice(0, 200)}' object`)
      })
      if (found === undefined) return
      left -= found.bytes.length
      // What several downloads take at the same time is known only now.
      if (left < 0) throw tooLarge(maxTotalBytes)
      fetched.push({ ...object, etag: found.etag })
      files.push([paths[i] ?? '', found.bytes])
    })
    fetched.sort((a, b) => compareByteOrder(a.key, b.key))
    return { revision: revisionOf(fetched), files: new MemoryTree(files), count: fetched.length }
  } catch (error) {
    throw inContext(error, `fetch from bucket '${bucket}' failed`)
  }
}

/** `sha256:` over `<key> <etag>` line by line, sorted by the bytes of the keys (source-controller 1.9, internal/index). */
function revisionOf(objects: readonly BucketObject[]): string {
  return `sha256:${sha256Hex(objects.map(({ key, etag }) => `${key} ${etag}\n`).join(''))}`
}

async function fetchIgnoreFile(client: BucketClient, signal: AbortSignal): Promise<Uint8Array | undefined> {
  try {
    const found = await client.get({ key: ignoreFileName }, { maxBytes: maxIgnoreBytes, signal })
    return found?.bytes
  } catch (error) {
    throw inContext(error, `failed to get Etag for '${ignoreFileName}' object`)
  }
}

/** The path of each object's file. @throws EngineError for a name that is refused, two objects of one path, and sizes over the limits. */
function pathsOf(deps: BucketDeps, objects: readonly BucketObject[]): readonly string[] {
  const { maxObjectBytes, maxTotalBytes, maxDepth } = deps.limits
  const keys = new Map<string, string>()
  let total = 0
  const paths = objects.map(({ key, size }) => {
    if (size > maxObjectBytes)
      throw bucketError(
        'bucket-object-too-large',
        `the object ${shown(key)} has ${size} bytes, more than the limit of ${maxObjectBytes}; hide it with spec.ignore`,
      )
    total += size
    if (total > maxTotalBytes) throw tooLarge(maxTotalBytes)
    const path = pathOf(key)
    if (path.split('/').length > maxDepth + 1)
      throw bucketError('bucket-name-refused', `the object ${shown(key)} lies below more than ${maxDepth} directories`)
    const other = keys.get(path)
    if (other !== undefined)
      throw bucketError('bucket-name-refused', `the objects ${shown(other)} and ${shown(key)} would be the same file`)
    keys.set(path, key)
    return path
  })
  for (const [path, key] of keys) {
    for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
      const file = keys.get(path.slice(0, slash))
      if (file !== undefined)
        throw bucketError(
          'bucket-name-refused',
          `the object ${shown(file)} would be a file and, for ${shown(key)}, a directory; hide one of them with spec.ignore`,
        )
    }
  }
  return paths
}

function pathOf(key: string): string {
  try {
    return safeEntryPath(key)
  } catch (error) {
    if (!isEngineError(error)) throw error
    throw bucketError('bucket-name-refused', `${error.message}, or hide the object with spec.ignore`, { cause: error })
  }
}

function tooLarge(maxTotalBytes: number): Error {
  return bucketError(
    'bucket-too-large',
    `its objects have more than ${maxTotalBytes} bytes together; give a spec.prefix, or hide some with spec.ignore`,
  )
}

/** The same error with what was being done before its message; what is wrong with the credentials says enough by itself. */
function inContext(error: unknown, context: string): unknown {
  if (!isEngineError(error) || error.reason === 'AuthenticationFailed') return error
  const { code, disposition, reason, data, retryAfterMs, message } = error
  const isWhole = code === 'bucket-not-found'
  return new EngineError(isWhole ? context : `${context}: ${message}`, {
    code,
    disposition,
    data,
    cause: error,
    ...(reason === undefined ? { reason: 'BucketOperationFailed' } : { reason }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  })
}
