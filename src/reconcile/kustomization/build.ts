import { EngineError, sha256Hex } from '../../base/index.ts'
import type { Kustomization } from '../../api/index.ts'
import { labels } from '../../api/index.ts'
import { build, fluxOverlay, substitute } from '../../kustomize/index.ts'
import { retryPending } from '../../files/index.ts'
import type { FileTree } from '../../ports/index.ts'
import type { ObjectOrigin } from '../../kube/index.ts'
import { gvkOf, isMap, type KubeMap, type KubeObject } from '../../resources/index.ts'
import { printYaml } from '../../yaml/index.ts'

/** The objects of a Kustomization at one revision, ready to be applied. */
export interface BuiltKustomization {
  readonly objects: readonly KubeObject[]
  /** `sha256:<hex>` of the objects' YAML before ownership was added: the key of `.status.history`. */
  readonly digest: string
  /** Files and directories that the build read. */
  readonly reads: { readonly files: readonly string[]; readonly directories: readonly string[] }
  /** File and line that one of `objects` was written at, where the build knows. */
  originOf(object: KubeObject): ObjectOrigin | undefined
}

/** Decrypts with the keys of `spec.decryption`. Decrypted values must enter no message. */
export interface Decryption {
  /** The tree in which files that generators and patches of the kustomizations below `path` read are decrypted. */
  files(files: FileTree, path: string): Promise<FileTree>
  /** A built object with its encrypted values decrypted. */
  object(object: KubeObject): Promise<KubeObject>
}

/** What a build needs besides the object and its source. */
export interface BuildOptions {
  readonly strictSubstitution: boolean
  /** Undefined: nothing is decrypted, and what is encrypted is refused when it is applied. */
  readonly decryption?: Decryption | undefined
  readonly signal: AbortSignal
}

/** Objects that configure kustomize itself are no objects of a cluster. */
const kustomizeGroup = 'kustomize.config.k8s.io'

/**
 * Renders a Kustomization: decryption of files, overlay of its spec, kustomize build, then for each object decryption and post-build
 * substitution, owner labels, common metadata, in kustomize-controller's order (1.9, build and apply).
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
  const { decryption } = options
  const plain = decryption === undefined ? files : await decryption.files(files, path)
  const built = await retryPending(() => {
    if (path !== '' && plain.stat(path)?.kind !== 'directory') throw pathMissing(path)
    const tree = fluxOverlay(plain, path, spec)
    return build({ files: tree, path, options: { loadRestrictions: 'none', reorder: 'none' } })
  }, options.signal)
  const strategy = spec.postBuild?.substituteStrategy ?? 'WithVariables'
  const origins = new WeakMap<KubeObject, ObjectOrigin>()
  const texts: string[] = []
  const objects: KubeObject[] = []
  for (const given of built.objects) {
    if (gvkOf(given).group === kustomizeGroup) continue
    const decrypted = decryption === undefined ? given : await decryption.object(given)
    const substituted =
      spec.postBuild === undefined
        ? decrypted
        : substitute(decrypted, variables, { strict: options.strictSubstitution, strategy })
    texts.push(printYaml(substituted, { dialect: 'sigs' }))
    const object = withOwnership(substituted, kustomization)
    const place = built.placeOf(given)
    if (place !== undefined) origins.set(object, place)
    objects.push(object)
  }
  return {
    objects,
    digest: `sha256:${sha256Hex(texts.join('---\n'))}`,
    reads: built.reads,
    originOf: (object) => origins.get(object),
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
