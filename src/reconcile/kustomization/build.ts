import { EngineError, sha256Hex } from '../../base/index.ts'
import type { Kustomization } from '../../api/index.ts'
import { labels } from '../../api/index.ts'
import { build, fluxOverlay, substitute, type BuildResult } from '../../kustomize/index.ts'
import { recordReads, retryPending, type ReadRecord } from '../../files/index.ts'
import type { FileTree } from '../../ports/index.ts'
import type { ObjectOrigin } from '../../kube/index.ts'
import { gvkOf, isMap, type KubeMap, type KubeObject } from '../../resources/index.ts'
import { printYaml } from '../../yaml/index.ts'
import type { RemoteBases } from './remote-bases.ts'
import { noDecryption, refuseEncryptedSecrets, type Decryption } from './decrypt.ts'

/** The objects of a Kustomization at one revision, ready to be applied. */
export interface BuiltKustomization {
  readonly objects: readonly KubeObject[]
  /** `sha256:<hex>` of the objects' YAML before ownership was added: the key of `.status.history`. */
  readonly digest: string
  /** What overlay, decryption and build read of the source. */
  readonly reads: ReadRecord
  /** False where something else than the files decided what was built: a base from elsewhere, for now. */
  readonly isHermetic: boolean
  /** File and line that one of `objects` was written at, where the build knows. */
  originOf(object: KubeObject): ObjectOrigin | undefined
  /** What one of `objects` was called before names were changed; see BuildResult. */
  originalNameOf(object: KubeObject): string | undefined
}

/** What a build needs besides the object and its source. */
export interface BuildOptions {
  readonly strictSubstitution: boolean
  /** Undefined: nothing is decrypted, and Secrets that are encrypted are refused. */
  readonly decryption?: Decryption | undefined
  /** Undefined: resources and components that are URLs are refused. */
  readonly remote?: RemoteBases | undefined
  readonly signal: AbortSignal
}

/** Objects that configure kustomize itself are no objects of a cluster. */
const kustomizeGroup = 'kustomize.config.k8s.io'

/**
 * Renders a Kustomization: overlay of its spec, decryption of files, kustomize build, decryption of objects, post-build substitution, owner
 * labels, common metadata, in kustomize-controller's order (1.9, build and apply).
 *
 * @throws DiagnosticsError with every finding of the build; EngineError of decryption and substitution, which names the object.
 */
export async function buildKustomization(
  kustomization: Kustomization,
  files: FileTree,
  variables: ReadonlyMap<string, string>,
  options: BuildOptions,
): Promise<BuiltKustomization> {
  const { spec } = kustomization
  const path = cleanPath(spec.path ?? '')
  const decryption = options.decryption ?? noDecryption
  const recorded = recordReads(files)
  const overlaid = await retryPending(() => {
    if (path !== '' && recorded.tree.stat(path)?.kind !== 'directory') throw pathMissing(path)
    return fluxOverlay(recorded.tree, path, spec)
  }, options.signal)
  const tree = await decryption.sources(overlaid, path)
  const { built, isHermetic } = await buildTree(tree, path, options)
  const given = built.objects.filter((object) => gvkOf(object).group !== kustomizeGroup)
  const decrypted = await decryption.objects(given)
  const strategy = spec.postBuild?.substituteStrategy ?? 'WithVariables'
  const substituted = decrypted.map((object) =>
    spec.postBuild === undefined
      ? object
      : substitute(object, variables, { strict: options.strictSubstitution, strategy }),
  )
  refuseEncryptedSecrets(substituted)
  const objects = substituted.map((object) => withOwnership(object, kustomization))
  const sources = new WeakMap(objects.map((object, index) => [object, given[index]]))
  const sourceOf = <T>(object: KubeObject, tell: (source: KubeObject) => T): T | undefined => {
    const source = sources.get(object)
    return source === undefined ? undefined : tell(source)
  }
  const yaml = substituted.map((object) => printYaml(object, { dialect: 'sigs' })).join('---\n')
  return {
    objects,
    digest: `sha256:${sha256Hex(yaml)}`,
    reads: recorded.record(),
    isHermetic,
    originOf: (object) => sourceOf(object, (source) => built.placeOf(source)),
    originalNameOf: (object) => sourceOf(object, (source) => built.originalNameOf(source)),
  }
}

/** Builds, and builds again with what was asked for from elsewhere, until nothing is missing. */
async function buildTree(
  files: FileTree,
  path: string,
  options: BuildOptions,
): Promise<{ readonly built: BuildResult; readonly isHermetic: boolean }> {
  const { remote, signal } = options
  const choices = {
    loadRestrictions: 'none',
    reorder: 'none',
    ...(remote === undefined ? {} : { remote: remote.resolve }),
  } as const
  for (let isHermetic = true; ; isHermetic = false) {
    const built = await retryPending(() => build({ files, path, options: choices }), signal)
    const urls = built.requests.flatMap((request) => (request.kind === 'remote' ? [request.url] : []))
    if (remote === undefined || urls.length === 0) return { built, isHermetic }
    // It ends: what is asked for is there the next time, and there is a limit.
    await remote.load(urls)
  }
}

function pathMissing(path: string): EngineError {
  return new EngineError(
    `kustomization path not found: there is no directory '${path}' in the source; check spec.path`,
    { code: 'kustomization-path-not-found', reason: 'ArtifactFailed', data: { path } },
  )
}

/** `spec.path` as a path of the tree: './', '/' and trailing slashes mean nothing; leaving the root is refused by the tree itself. */
export function cleanPath(path: string): string {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue
    if (part === '..') parts.pop()
    else parts.push(part)
  }
  return parts.join('/')
}

/**
 * Common metadata, then owner labels over it. Flux orders them the other way round, so that common metadata with the owner's keys takes
 * the objects away from garbage collection. Objects are not changed in place.
 */
function withOwnership(object: KubeObject, kustomization: Kustomization): KubeObject {
  const common = kustomization.spec.commonMetadata
  const metadata: KubeMap = isMap(object['metadata']) ? { ...object['metadata'] } : {}
  metadata['labels'] = {
    ...(isMap(metadata['labels']) ? metadata['labels'] : {}),
    ...common?.labels,
    [labels.kustomizeName]: kustomization.metadata.name,
    [labels.kustomizeNamespace]: kustomization.metadata.namespace ?? '',
  }
  if (common?.annotations)
    metadata['annotations'] = {
      ...(isMap(metadata['annotations']) ? metadata['annotations'] : {}),
      ...common.annotations,
    }
  return { ...object, metadata }
}
