import { apiVersions, type GitRepository, type Kustomization } from '../../api/index.ts'
import { EngineError } from '../../base/index.ts'
import { fileNames, systemNamespace } from '../../bootstrap/index.ts'
import type { Managed } from '../../reconcile/index.ts'
import { parseDocuments } from '../../yaml/index.ts'
import { usageError } from '../exit-codes.ts'
import type { WorkingCopy } from './working-copy.ts'

/** A cluster as a repository describes it: what it begins with, in both commits. */
export interface ClusterEntry {
  /** Last part of the directory, or all of it where several clusters would have the same name. */
  readonly name: string
  /** `clusters/production`; '' for the root of the repository. */
  readonly directory: string
  /** The sync objects of each commit; none where it has no such cluster. */
  readonly base: readonly Managed[]
  readonly head: readonly Managed[]
  /** What its own repository is called, and the branch of it that the cluster follows. Undefined: it follows none. */
  readonly url: string
  readonly branch: string | undefined
}

/** Where a bootstrap of Flux, and ours, puts the sync objects. */
const syncFile = `${systemNamespace}/${fileNames.sync}`
/** Largest file that is read as one. */
const maxBytes = 1 << 20
/** More clusters than this are planned one directory after the other. */
const maxClusters = 200

/**
 * The clusters that a repository describes, in either of two commits: directories with `flux-system/gotk-sync.yaml`, as a bootstrap writes it.
 *
 * @param paths directories of the clusters that are wanted; empty: all.
 * @throws EngineError `usage` where there is none, or not at one of `paths`; `entry-invalid` for a file that is no such thing.
 */
export async function findEntries(
  copy: WorkingCopy,
  commits: { readonly base: string; readonly head: string },
  paths: readonly string[],
): Promise<readonly ClusterEntry[]> {
  const [base, head] = await Promise.all([syncFilesOf(copy, commits.base), syncFilesOf(copy, commits.head)])
  const all = [...new Set([...base.keys(), ...head.keys()])].toSorted()
  const wanted = paths.map(cleanDirectory)
  const missing = wanted.find((path) => !all.includes(path))
  if (missing !== undefined)
    throw usageError(
      `there is no ${missing === '' ? '' : `${missing}/`}${syncFile} in either commit${all.length === 0 ? '' : `; there is one in ${listed(all)}`}`,
    )
  const chosen = wanted.length === 0 ? all : all.filter((path) => wanted.includes(path))
  if (chosen.length === 0)
    throw usageError(
      `neither commit has a cluster: no ${syncFile} anywhere, which says what a cluster begins with. With a cluster (--kubeconfig or --context) it is read there`,
    )
  if (chosen.length > maxClusters)
    throw usageError(`there are ${chosen.length} clusters; name at most ${maxClusters} of them with --path`)
  return await Promise.all(
    chosen.map(async (directory) => {
      const [before, after] = await Promise.all(
        [base.get(directory), head.get(directory)].map(async (id) =>
          id === undefined ? [] : readSync(await copy.git(['cat-file', 'blob', id], { maxBytes }), directory),
        ),
      )
      return entryOf(directory, all, { base: before ?? [], head: after ?? [] })
    }),
  )
}

/** Ids of the sync files of a commit, by the directory of the cluster. */
async function syncFilesOf(copy: WorkingCopy, commit: string): Promise<ReadonlyMap<string, string>> {
  const lines = (await copy.git(['ls-tree', '-r', '-z', '--full-tree', commit])).toString().split('\0')
  return new Map(
    lines.flatMap((line) => {
      const [, id = '', path = ''] = /^100\d{3} blob ([0-9a-f]+)\t(.*)$/s.exec(line) ?? []
      if (path === syncFile) return [['', id] as const]
      return path.endsWith(`/${syncFile}`) ? [[path.slice(0, -syncFile.length - 1), id] as const] : []
    }),
  )
}

function entryOf(
  directory: string,
  all: readonly string[],
  { base, head }: Pick<ClusterEntry, 'base' | 'head'>,
): ClusterEntry {
  const last = (path: string): string => path.slice(path.lastIndexOf('/') + 1)
  const isUnique = all.filter((path) => last(path) === last(directory)).length === 1
  const repository = (base.length > 0 ? base : head).find((object) => object.kind === 'GitRepository')
  return {
    name: (isUnique ? last(directory) : directory) || 'cluster',
    directory,
    base,
    head,
    url: repository?.spec.url ?? '',
    branch: repository === undefined ? undefined : branchOf(repository),
  }
}

/** The branch that a GitRepository follows. Undefined: another reference, or a fixed commit. */
export function branchOf({ spec }: GitRepository): string | undefined {
  const { branch, name, tag, semver, commit } = spec.ref ?? {}
  if (commit) return undefined
  if (name) return /^refs\/heads\/(.+)$/.exec(name)?.[1]
  return tag || semver ? undefined : branch || 'master'
}

/** The sync objects of a file. @throws EngineError `entry-invalid`. */
function readSync(bytes: Uint8Array, directory: string): readonly Managed[] {
  const file = directory === '' ? syncFile : `${directory}/${syncFile}`
  const { documents, diagnostics } = parseDocuments(new TextDecoder().decode(bytes), { dialect: 'sigs', file })
  const [problem] = diagnostics
  if (problem !== undefined) throw invalid(file, problem.message)
  const objects = documents.flatMap(({ value }) => toManaged(value))
  const roots = objects.filter((object) => object.kind === 'Kustomization')
  const isRead = roots.some(({ spec, metadata }) =>
    objects.some(
      (one) =>
        one.kind === 'GitRepository' &&
        spec.sourceRef.kind === 'GitRepository' &&
        one.metadata.name === spec.sourceRef.name &&
        one.metadata.namespace === (spec.sourceRef.namespace ?? metadata.namespace),
    ),
  )
  if (!isRead) throw invalid(file, 'it has no Kustomization with a GitRepository beside it that it is made from')
  return objects
}

function toManaged(value: unknown): readonly (GitRepository | Kustomization)[] {
  if (typeof value !== 'object' || value === null) return []
  const { kind, metadata, spec } = value as { kind?: unknown; metadata?: unknown; spec?: unknown }
  if ((kind !== 'GitRepository' && kind !== 'Kustomization') || !isNamed(metadata)) return []
  if (typeof spec !== 'object' || spec === null) return []
  if (kind === 'Kustomization' && !('sourceRef' in spec)) return []
  const whole = { ...value, apiVersion: apiVersions[kind], metadata: { namespace: systemNamespace, ...metadata } }
  return [whole as unknown as GitRepository | Kustomization]
}

function isNamed(metadata: unknown): metadata is { readonly name: string } {
  return typeof metadata === 'object' && metadata !== null && 'name' in metadata && typeof metadata.name === 'string'
}

function invalid(file: string, why: string): EngineError {
  return new EngineError(`${file} does not say what the cluster begins with: ${why}`, { code: 'entry-invalid' })
}

function cleanDirectory(path: string): string {
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')
}

function listed(paths: readonly string[]): string {
  const shown = paths.slice(0, 5).map((path) => (path === '' ? 'the root' : path))
  return `${shown.join(', ')}${paths.length > shown.length ? `, and ${paths.length - shown.length} more` : ''}`
}
