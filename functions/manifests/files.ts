import { EngineError, safePathPart } from '../../src/base/index.ts'
import { packTarGz, type PackedFile } from '../../src/sources/index.ts'
import { manifestSides, type ClusterManifests, type ManifestSideName } from './read.ts'

/** Bytes of an archive before it is packed. More is downloaded cluster by cluster. */
const maxArchiveBytes = 32 << 20

/** One file of a side. */
export interface ManifestPath {
  /** `<cluster>/<namespace>/<kind>/<name>/<Kind>.<namespace>.<name>.yaml`, safe on any disk. */
  readonly path: string
  readonly text: string
}

/** All files of one commit, cluster by cluster. @throws EngineError `manifests-unreadable`, `manifests-too-large` beyond `maxBytes`; of the store. */
export async function filesOfSide(
  clusters: readonly ClusterManifests[],
  side: ManifestSideName,
  maxBytes: number,
): Promise<readonly ManifestPath[]> {
  const found: ManifestPath[] = []
  let bytes = 0
  for (const { cluster, applications, read } of clusters)
    for (const application of applications) {
      const stored = application[side]
      if (stored === undefined || stored === 'failed') continue
      bytes += stored.bytes
      if (bytes > maxBytes) throw tooLarge()
      const { namespace, kind, name } = application
      const directory = [cluster, namespace, kind, name].map(safePathPart).join('/')
      for (const file of await read(stored)) found.push({ path: `${directory}/${file.name}`, text: file.text })
    }
  return found
}

/** Both commits as one archive, under `base/` and `head/`. @throws as {@link filesOfSide}. */
export async function archiveOf(clusters: readonly ClusterManifests[]): Promise<Uint8Array> {
  const files: PackedFile[] = []
  for (const side of manifestSides)
    for (const { path, text } of await filesOfSide(clusters, side, maxArchiveBytes / 2))
      files.push({ path: `${side}/${path}`, data: new TextEncoder().encode(text) })
  return packTarGz(files)
}

function tooLarge(): EngineError {
  return new EngineError('the manifests are too large for one archive; ask for one cluster (cluster=NAME)', {
    code: 'manifests-too-large',
  })
}
