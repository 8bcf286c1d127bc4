import type { Diagnostic } from '../base/index.ts'
import { type ReadRecord, recordReads, resolvePath } from '../files/index.ts'
import type { FileEntry, FileTree } from '../ports/index.ts'
import { findFault, formatObject, type KubeObject } from '../resources/index.ts'
import { Accumulator } from './accumulator.ts'
import { BuildContext, type RenderRequest, type ResolveRemote } from './build-context.ts'
import { addTexts } from './filters/labels.ts'
import { hashNames } from './filters/hash-names.ts'
import { fixNameReferences } from './filters/name-references.ts'
import { sortResources } from './filters/sort-order.ts'
import { resolveVars } from './filters/vars.ts'
import type { InflateHelm } from './generators/helm-charts.ts'
import { type BuildLimits, DEFAULT_LIMITS, Loader, type LoadRestrictions } from './loader.ts'
import { ORIGIN_ANNOTATION, printOrigin, printTransformations, TRANSFORMATIONS_ANNOTATION } from './origin.ts'
import { problem, problems } from './problems.ts'
import type { Resource, SourcePlace } from './resource.ts'
import type { ResourceList } from './resource-list.ts'
import { Target } from './target.ts'

/** What a caller may choose. */
export interface BuildOptions {
  /** Whether files outside a kustomization's directory (but inside the source) may be read. Flux: none; kustomize's default: root-only. */
  readonly loadRestrictions: LoadRestrictions
  /** The order of the result where the kustomization sets none. Flux and the default: none; the command line: legacy. */
  readonly reorder?: 'none' | 'legacy'
  /** Label every object as managed by kustomize, as `buildMetadata: [managedByLabel]` does. */
  readonly managedByLabel?: boolean
  /** Gives remote resources and bases; without it they are refused. */
  readonly remote?: ResolveRemote
  /** Renders `helmCharts`; without it they are refused. */
  readonly inflateHelm?: InflateHelm
  readonly limits?: Partial<BuildLimits>
}

/** What was built. */
export interface BuildResult {
  /** The objects in their order; empty while there are requests. */
  readonly objects: readonly KubeObject[]
  readonly warnings: readonly Diagnostic[]
  /** What was read of the tree; with the same content there, the result is the same. */
  readonly reads: ReadRecord
  /** What must be fetched before the build can be completed. */
  readonly requests: readonly RenderRequest[]
  /** Where an object comes from: the file and line of its document, or the kustomization that generated it. */
  placeOf(object: KubeObject): SourcePlace | undefined
  /** What an object was called when it was read or generated, before names were changed: `Kind/namespace/name`. */
  originalNameOf(object: KubeObject): string | undefined
}

/** Version of kustomize whose behaviour this is. */
export const KUSTOMIZE_VERSION = 'v5.8.1'

/**
 * Builds the kustomization in the directory `path` of `files`, as kustomize v5.8.1 does. Pure: reads `files` only.
 *
 * Throws DiagnosticsError with every finding. Requests for content that is not at hand (PendingFiles) pass through: load them and build
 * again.
 */
export function build({
  files,
  path,
  options,
}: {
  files: FileTree
  path: string
  options?: BuildOptions
}): BuildResult {
  const recorded = recordReads(rememberStats(files))
  const context = new BuildContext({ remote: options?.remote, inflateHelm: options?.inflateHelm })
  const root = resolvePath(recorded.tree, path)
  if (root !== '' && recorded.tree.stat(root)?.kind !== 'directory') {
    throw problem('kustomize-not-a-directory', `must build at directory: there is none at '${path}'`)
  }
  const loader = new Loader(
    {
      restrictions: options?.loadRestrictions ?? 'root-only',
      limits: { ...DEFAULT_LIMITS, ...options?.limits },
      kustomizations: 0,
    },
    recorded.tree,
    root,
  )
  const target = new Target(loader, context, 'top')
  const gathered = target.accumulate(new Accumulator())
  const { warnings, requests } = context
  if (context.incomplete) {
    const nothing = { placeOf: () => undefined, originalNameOf: () => undefined }
    return { objects: [], warnings, reads: recorded.record(), requests, ...nothing }
  }
  const { list } = gathered
  hashNames(list)
  fixNameReferences(list, gathered.config.nameReference)
  warnings.push(...resolveVars(list, gathered.vars, gathered.config.varReference))
  list.keep((one) => !isLocal(one))
  const { sortOptions, buildMetadata } = target.kustomization
  if (sortOptions !== undefined) sortResources(list, sortOptions)
  else if (options?.reorder === 'legacy') sortResources(list, { order: 'legacy' })
  finishMetadata(list, options?.managedByLabel === true ? [...buildMetadata, 'managedByLabel'] : buildMetadata)
  refuseFaults(list)
  const places = new WeakMap(list.items.map((one) => [one.object, one.place]))
  const names = new WeakMap(list.items.map((one) => [one.object, formatObject(one.originalId())]))
  return {
    objects: list.items.map((one) => one.object),
    warnings,
    reads: recorded.record(),
    requests,
    placeOf: (object) => places.get(object),
    originalNameOf: (object) => names.get(object),
  }
}

/** `files` with one look at each path: a build asks for the same directories again and again. */
function rememberStats(files: FileTree): FileTree {
  const known = new Map<string, FileEntry | undefined>()
  return {
    stat(path) {
      if (known.has(path)) return known.get(path)
      const entry = files.stat(path)
      known.set(path, entry)
      return entry
    },
    read: (path) => files.read(path),
    list: (path) => files.list(path),
  }
}

/** Faults of mappings that are still there now: such an object cannot be printed. */
function refuseFaults(list: ResourceList): void {
  const found = list.items.flatMap((one) => {
    const fault = one.hasFaults ? findFault(one.object, one.object) : undefined
    return fault === undefined ? [] : [{ severity: 'error' as const, ...fault, object: one.describe() }]
  })
  if (found.length > 0) throw problems(found)
}

/** Objects that configure tools and are not meant for a cluster. */
function isLocal(resource: Resource): boolean {
  const value = resource.texts('annotations')['config.kubernetes.io/local-config']
  return value !== undefined && value !== 'false'
}

/** Annotations that tools leave behind while they work on an object. */
const INTERNAL_ANNOTATIONS: readonly string[] = [
  'previousKinds',
  'previousNames',
  'prefixes',
  'suffixes',
  'previousNamespaces',
  'allowNameChange',
  'allowKindChange',
  'refBy',
  'generatorBehavior',
  'needsHashSuffix',
  'path',
  'index',
  'seqindent',
  'id',
  'annotations-migration-resource-id',
  'helm-generated',
]
  .map((name) => `internal.config.kubernetes.io/${name}`)
  .concat(
    'config.kubernetes.io/path',
    'config.kubernetes.io/index',
    'config.k8s.io/id',
    ORIGIN_ANNOTATION,
    TRANSFORMATIONS_ANNOTATION,
  )

/** Last touches: the label and the annotations of `buildMetadata`; annotations are texts, and gone where none is left. */
function finishMetadata(list: ResourceList, buildMetadata: readonly string[]): void {
  for (const resource of list.items) {
    if (buildMetadata.includes('managedByLabel')) {
      const label = { 'app.kubernetes.io/managed-by': `kustomize-${KUSTOMIZE_VERSION}` }
      addTexts(resource, label, [{ path: 'metadata/labels', create: true }])
    }
    const annotations = resource.texts('annotations')
    for (const name of INTERNAL_ANNOTATIONS) delete annotations[name]
    if (buildMetadata.includes('originAnnotations') && resource.origin !== undefined)
      annotations[ORIGIN_ANNOTATION] = printOrigin(resource.origin)
    if (buildMetadata.includes('transformerAnnotations') && resource.transformations.length > 0) {
      annotations[TRANSFORMATIONS_ANNOTATION] = printTransformations(resource.transformations)
    }
    resource.setTexts('annotations', annotations)
  }
}
