import { isMap, type KubeMap, type KubeValue } from '../resources/index.ts'
import { ORIGIN_ANNOTATION, printOrigin, printTransformations, TRANSFORMATIONS_ANNOTATION } from './origin.ts'
import { problem } from './problems.ts'
import type { Behavior, Resource } from './resource.ts'

const DOMAIN = 'internal.config.kubernetes.io/'

/** The annotations in which kustomize keeps what it knows about an object during a build (api/internal/utils, annotations.go). */
const NAMES = `${DOMAIN}previousNames`
const NAMESPACES = `${DOMAIN}previousNamespaces`
const KINDS = `${DOMAIN}previousKinds`
const PREFIXES = `${DOMAIN}prefixes`
const SUFFIXES = `${DOMAIN}suffixes`
const BEHAVIOR = `${DOMAIN}generatorBehavior`
const NEEDS_HASH = `${DOMAIN}needsHashSuffix`
const FROM_CHART = `${DOMAIN}helm-generated`
const ALL = [
  NAMES,
  NAMESPACES,
  KINDS,
  PREFIXES,
  SUFFIXES,
  BEHAVIOR,
  NEEDS_HASH,
  FROM_CHART,
  ORIGIN_ANNOTATION,
  TRANSFORMATIONS_ANNOTATION,
] as const

/**
 * Runs `work` with what is known about the objects in their annotations, where kustomize keeps it, and takes back what it finds there
 * afterwards. For work that looks at annotations as a whole, or removes them: what it copies or loses counts, as in kustomize. Throws
 * `kustomize-build-annotations` where former names, namespaces and kinds do not match any more.
 */
export function withBuildAnnotations<T>(resources: readonly Resource[], work: () => T): T {
  for (const resource of resources) expose(resource)
  try {
    return work()
  } finally {
    for (const resource of resources) takeBuildAnnotations(resource)
  }
}

function expose(resource: Resource): void {
  const facts: KubeMap = {}
  const { previousIds, prefixes, suffixes, behavior } = resource
  if (previousIds.length > 0) {
    facts[NAMES] = previousIds.map((id) => id.name).join(',')
    facts[NAMESPACES] = previousIds.map((id) => id.namespace).join(',')
    facts[KINDS] = previousIds.map((id) => id.kind).join(',')
  }
  if (prefixes.length > 0) facts[PREFIXES] = prefixes.join(',')
  if (suffixes.length > 0) facts[SUFFIXES] = suffixes.join(',')
  if (behavior !== undefined) facts[BEHAVIOR] = behavior
  if (resource.needsHash) facts[NEEDS_HASH] = 'enabled'
  if (resource.helmGenerated) facts[FROM_CHART] = 'true'
  if (resource.origin !== undefined) facts[ORIGIN_ANNOTATION] = printOrigin(resource.origin)
  if (resource.transformations.length > 0)
    facts[TRANSFORMATIONS_ANNOTATION] = printTransformations(resource.transformations)
  if (Object.keys(facts).length > 0) Object.assign(resource.annotations(), facts)
}

/** Moves what the annotations of an object say about its build into the object's facts. Where they say nothing, nothing is known any more. */
export function takeBuildAnnotations(resource: Resource): void {
  const texts = resource.texts('annotations')
  const list = (name: string): readonly string[] => texts[name]?.split(',') ?? []
  const names = list(NAMES)
  const namespaces = list(NAMESPACES)
  const kinds = list(KINDS)
  if (names.length > 0 && (namespaces.length !== names.length || kinds.length !== names.length)) {
    throw problem(
      'kustomize-build-annotations',
      `number of previous names, previous namespaces and previous kinds not equal; remove the annotations of ${DOMAIN}`,
      { object: resource.describe(), ...resource.place },
    )
  }
  resource.previousIds = names.map((name, index) => ({
    name,
    namespace: namespaces[index] ?? '',
    kind: kinds[index] ?? '',
  }))
  resource.prefixes = list(PREFIXES)
  resource.suffixes = list(SUFFIXES)
  resource.behavior = texts[BEHAVIOR] as Behavior | undefined
  resource.needsHash = texts[NEEDS_HASH] === 'enabled'
  resource.helmGenerated = texts[FROM_CHART] === 'true'
  // Origins are not read back; they may get lost.
  if (texts[ORIGIN_ANNOTATION] === undefined) resource.origin = undefined
  if (texts[TRANSFORMATIONS_ANNOTATION] === undefined) resource.transformations = []
  const metadata = resource.object['metadata']
  const annotations = isMap(metadata) ? metadata['annotations'] : undefined
  if (isMap(annotations)) for (const name of ALL) delete annotations[name]
}

/** True for a patch that touches the annotations of its target as a whole, or kustomize's own among them. */
export function touchesBuildAnnotations(patch: KubeMap): boolean {
  const metadata = patch['metadata']
  if (!isMap(metadata)) return metadata === null
  return '$patch' in metadata || (metadata['annotations'] !== undefined && isWhole(metadata['annotations']))
}

function isWhole(annotations: KubeValue): boolean {
  if (!isMap(annotations)) return true
  return '$patch' in annotations || Object.keys(annotations).some((key) => key.startsWith(DOMAIN))
}

/** True for a field path that leads to the annotations as a whole, to something around them, or to one of kustomize's own. */
export function leadsToBuildAnnotations(parts: readonly string[]): boolean {
  const [first, second, third] = parts
  if (first !== 'metadata') return first === undefined
  return second === undefined || (second === 'annotations' && (third === undefined || third.includes(DOMAIN)))
}
