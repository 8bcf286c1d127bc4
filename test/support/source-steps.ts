import { isEngineError, sha256Hex, type EgressPolicy } from '../../src/base/index.ts'
import { walkFiles } from '../../src/files/index.ts'
import type { Clock, FileTree, HttpClient } from '../../src/ports/index.ts'
import {
  createS3Client,
  defaultBucketLimits,
  defaultHelmLimits,
  defaultOciLimits,
  downloadChart,
  fetchBucket,
  fetchHelmIndex,
  fetchOci,
  fetchOciChart,
  helmCredentials,
  listBucket,
  packTree,
  parseEntries,
  parseOciUrl,
  registryLogin,
  resolveOci,
  selectVersion,
  type LayerSelector,
  type OciReference,
  type S3Options,
} from '../../src/sources/index.ts'

/** One look at a source, as plain data so that it can be sent to a worker. */
export type SourceStep = (
  | {
      readonly kind: 'helm'
      readonly url: string
      readonly chart: string
      readonly version: string
      readonly secret?: { readonly [key: string]: string }
    }
  | {
      readonly kind: 'oci'
      readonly url: string
      readonly ref?: OciReference
      readonly layerSelector?: LayerSelector
      readonly secret?: { readonly [key: string]: string }
      /** The artifact is a packaged chart. */
      readonly isChart?: boolean
    }
  | {
      readonly kind: 'bucket'
      readonly options: S3Options
      readonly prefix?: string
      readonly ignore?: string
    }
) & {
  /** Deadline of the whole; default ten seconds. */
  readonly timeoutMs?: number
}

/** What was seen: the artifact with its files, or the error. */
export interface SourceSeen {
  readonly revision?: string
  /** SHA-256 of the artifact. */
  readonly digest?: string
  readonly files?: { readonly [path: string]: string }
  readonly error?: {
    readonly code: string
    readonly reason: string | undefined
    readonly disposition: string
    readonly message: string
  }
}

/** The ports of a platform. */
export interface SourceStepDeps {
  readonly http: HttpClient
  readonly clock: Clock
  readonly egress: EgressPolicy
}

/** Runs the steps at the same time. */
export async function runSourceSteps(deps: SourceStepDeps, steps: readonly SourceStep[]): Promise<SourceSeen[]> {
  return Promise.all(
    steps.map(async (step) => {
      try {
        return await runStep(deps, step, AbortSignal.timeout(step.timeoutMs ?? 10_000))
      } catch (error) {
        if (!isEngineError(error)) throw error
        const { code, reason, disposition, message } = error
        return { error: { code, reason, disposition, message } }
      }
    }),
  )
}

async function runStep(deps: SourceStepDeps, step: SourceStep, signal: AbortSignal): Promise<SourceSeen> {
  switch (step.kind) {
    case 'helm': {
      const helm = { ...deps, limits: defaultHelmLimits }
      const options = { url: step.url, credentials: helmCredentials({ secret: step.secret }), signal }
      const index = await fetchHelmIndex(helm, { ...options, wanted: [step.chart] })
      const versions = parseEntries(step.chart, index?.entries.get(step.chart) ?? '')
      const entry = selectVersion(step.chart, versions, step.version)
      const bytes = await downloadChart(helm, options, entry)
      return { revision: `${index?.revision} ${entry.version}`, digest: sha256Hex(bytes) }
    }
    case 'oci': {
      const oci = { ...deps, limits: defaultOciLimits }
      const name = parseOciUrl(step.url)
      const login = step.secret === undefined ? undefined : registryLogin([step.secret], name)
      const options = {
        name,
        login,
        insecure: true,
        signal,
        ...(step.layerSelector === undefined ? {} : { layerSelector: step.layerSelector }),
      }
      const found = await resolveOci(oci, { ...options, ...(step.ref === undefined ? {} : { ref: step.ref }) })
      if (step.isChart === true) {
        const chart = await fetchOciChart(oci, options, found.digest)
        return { revision: found.revision, digest: sha256Hex(chart.bytes) }
      }
      const { files, bytes } = await fetchOci(oci, options, found.digest)
      return {
        revision: found.revision,
        digest: sha256Hex(bytes ?? (files === undefined ? '' : packTree(files))),
        ...(files === undefined ? {} : { files: textOf(files) }),
      }
    }
    case 'bucket': {
      const bucket = { ...deps, limits: defaultBucketLimits }
      const client = createS3Client(bucket, step.options)
      const query = { bucket: step.options.bucket, prefix: step.prefix, ignore: step.ignore, signal }
      const index = await listBucket(bucket, client, query)
      const { revision, files } = await fetchBucket(bucket, client, query, index)
      return { revision, digest: sha256Hex(packTree(files)), files: textOf(files) }
    }
  }
}

function textOf(tree: FileTree): { readonly [path: string]: string } {
  const files: { [path: string]: string } = {}
  for (const [path, entry] of walkFiles(tree, ''))
    if (entry.kind === 'file') files[path] = new TextDecoder().decode(tree.read(path))
  return files
}
