import type { Kind } from '../../api/index.ts'
import type { ObjectKey } from '../../reconcile/index.ts'
import { usageError } from '../exit-codes.ts'

/** Kinds that the verbs know, with every word for them: what kubectl and flux take. */
const words: { readonly [kind in CliKind]: readonly string[] } = {
  GitRepository: ['gitrepository', 'gitrepositories', 'gitrepo', 'git', 'source/git'],
  OCIRepository: ['ocirepository', 'ocirepositories', 'ocirepo', 'oci', 'source/oci'],
  HelmRepository: ['helmrepository', 'helmrepositories', 'helmrepo', 'source/helm'],
  HelmChart: ['helmchart', 'helmcharts', 'hc', 'chart', 'source/chart'],
  Bucket: ['bucket', 'buckets', 'source/bucket'],
  ExternalArtifact: ['externalartifact', 'externalartifacts', 'source/external'],
  Kustomization: ['kustomization', 'kustomizations', 'ks'],
  HelmRelease: ['helmrelease', 'helmreleases', 'hr'],
}

/** A kind that the verbs know. */
export type CliKind = Exclude<Kind, 'Receiver' | 'Alert' | 'Provider'>

/** Kinds of sources, in the order in which they are shown. */
export const sourceCliKinds = [
  'GitRepository',
  'OCIRepository',
  'HelmRepository',
  'HelmChart',
  'Bucket',
  'ExternalArtifact',
] as const satisfies readonly CliKind[]

/** All kinds, sources first. */
export const allCliKinds: readonly CliKind[] = [...sourceCliKinds, 'Kustomization', 'HelmRelease']

/** The kind that a word names, undefined for none. */
export function kindOfWord(word: string): CliKind | undefined {
  const wanted = word.toLowerCase()
  return allCliKinds.find((kind) => words[kind].includes(wanted))
}

/** What words on the command line name: kinds, and one object where a name follows. */
export interface Named {
  readonly kinds: readonly CliKind[]
  readonly name?: string
}

/**
 * Reads `kustomization app`, `ks/app`, `source git app`, `sources`, `sources git`, `all`.
 *
 * @throws EngineError `usage` for words that name no kind, and for too many of them.
 */
export function parseNamed(given: readonly string[]): Named {
  const [first = '', ...rest] = given
  const slash = /^([^/]+)\/(.+)$/.exec(first)
  if (slash !== null) return named([kindOf(slash[1] ?? '')], [slash[2] ?? '', ...rest])
  if (/^sources?$/i.test(first)) {
    const [which, ...names] = rest
    if (which === undefined || which.toLowerCase() === 'all') return named([...sourceCliKinds], names)
    const kind = kindOfWord(`source/${which}`) ?? kindOfWord(which)
    if (kind === undefined)
      throw usageError(`there are no sources '${which}'; there are git, oci, helm, chart, bucket, external`)
    return named([kind], names)
  }
  if (first.toLowerCase() === 'all') return named([...allCliKinds], rest)
  return named([kindOf(first)], rest)
}

/**
 * The one object that words name.
 *
 * @throws EngineError `usage`.
 */
export function parseObject(given: readonly string[], namespace: string): ObjectKey & { readonly kind: CliKind } {
  const { kinds, name } = parseNamed(given)
  const [kind, ...others] = kinds
  if (kind === undefined || others.length > 0 || name === undefined)
    throw usageError(`name one object: a kind and a name, as in 'kustomization app', 'hr/app' or 'source git app'`)
  return { kind, namespace, name }
}

function named(kinds: readonly CliKind[], names: readonly string[]): Named {
  const [name, ...more] = names
  if (more.length > 0) throw usageError(`one name at a time; '${more.join(' ')}' is too much`)
  return name === undefined ? { kinds } : { kinds, name }
}

function kindOf(word: string): CliKind {
  const kind = kindOfWord(word)
  if (kind !== undefined) return kind
  throw usageError(
    `there is no kind '${word}'; there are kustomization (ks), helmrelease (hr), and of sources gitrepository, ocirepository, helmrepository, helmchart, bucket, externalartifact`,
  )
}

/** `kustomization/app`, as flux prints names of several kinds. */
export function shortName(key: Pick<ObjectKey, 'kind' | 'name'>): string {
  return `${key.kind.toLowerCase()}/${key.name}`
}
