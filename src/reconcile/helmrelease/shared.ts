import { labels } from '../../api/index.ts'
import { createReleasePrinter, TemplateCache, type Capabilities, type ReleasePrinter } from '../../helm/index.ts'
import { createPreloadedReader, type KubeClient, type LiveReader } from '../../kube/index.ts'
import { Bounded } from './bounded.ts'
import { readCapabilities } from './capabilities.ts'
import { createLeaseIndex, type LeaseIndex } from './lease-index.ts'
import { createManifestReader, type ManifestReader } from './objects.ts'
import type { ReleaseBody } from './storage.ts'
import { createObjectWatch, type ObjectWatch } from './object-watch.ts'
import type { OperationMark } from './operation-mark.ts'
import { createReleaseIndex, type ReleaseIndex } from './release-index.ts'
import type { ObservedRelease } from './state.ts'

/** What is known of a stored release without reading it again. */
export interface ReleaseFacts {
  readonly resourceVersion: string
  readonly ociDigest: string | undefined
  readonly observed: ObservedRelease
  /** The mark of our operation on it. */
  readonly mark: OperationMark | undefined
  readonly name: string
  readonly namespace: string
  readonly manifest: string
}

/** What a coordinator keeps of Helm between its runs. All of it can be thrown away at any time. */
export interface HelmCaches {
  readonly printer: ReleasePrinter
  readonly templates: TemplateCache
  /** By the uid of the release's Secret. */
  readonly releases: Bounded<ReleaseFacts>
  /** The content of Secrets that were read or written, by their uid: an upgrade needs that of the release before. */
  readonly bodies: Bounded<ReleaseBody>
}

/** Empty caches: manifests of at most 16 million characters, Secrets of at most 8. */
export function createHelmCaches(): HelmCaches {
  return {
    printer: createReleasePrinter(),
    templates: new TemplateCache(),
    releases: new Bounded<ReleaseFacts>(16_000_000),
    bodies: new Bounded<ReleaseBody>(8_000_000),
  }
}

/** What the releases of one run share. */
export interface HelmRun {
  readonly index: ReleaseIndex
  readonly watch: ObjectWatch
  readonly manifests: ManifestReader
  /** Locks of releases as they were when the run looked. */
  readonly leases: LeaseIndex
  /** Live objects of releases, one LIST per kind and identity. */
  readonly live: LiveReader
  /** What a cluster can do, read once. */
  capabilities(client: KubeClient, signal: AbortSignal): Promise<Capabilities>
  /** To be called when definitions were applied. */
  forgetCapabilities(client: KubeClient): void
}

/** The shared parts of one run. `isBulk`: many nodes, so lists are cheaper than single reads. */
export function createHelmRun(isBulk: boolean, signal: AbortSignal): HelmRun {
  const known = new Map<string, Promise<Capabilities>>()
  return {
    index: createReleaseIndex(isBulk),
    watch: createObjectWatch(signal),
    manifests: createManifestReader(),
    leases: createLeaseIndex(isBulk),
    live: createPreloadedReader({ label: labels.helmName }),
    capabilities: (of, stop) => {
      const found = known.get(of.cluster) ?? readCapabilities(of, stop)
      known.set(of.cluster, found)
      void found.catch(() => known.delete(of.cluster))
      return found
    },
    forgetCapabilities: (of) => void known.delete(of.cluster),
  }
}
