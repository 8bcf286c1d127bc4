import { compareByteOrder, isEngineError, safePathPart } from '../../base/index.ts'
import { labelOf, showManifest, showName, type ObjectRef, type Rendered } from '../../plan/index.ts'
import type { Workload } from '../world.ts'
import type { RenderedSide } from './types.ts'
import type { Examined } from './walk.ts'

/** An application that a change touches, as plain YAML of both commits: placeholders where secrets are, as in the plan. */
export interface ApplicationManifests {
  readonly kind: 'Kustomization' | 'HelmRelease'
  readonly namespace: string
  readonly name: string
  /** Undefined: that commit does not have it. `failed`: it does not render there; the plan says why. */
  readonly base?: ManifestSide | 'failed'
  readonly head?: ManifestSide | 'failed'
}

/** What one commit makes of an application. */
export interface ManifestSide {
  /** In byte order of their names. */
  readonly files: readonly ManifestFile[]
  /** `Kind/namespace/name` of objects for which there was no room, the first of them. */
  readonly omitted: readonly string[]
  readonly omittedCount: number
}

/** One object; more than one where they have the same kind and name. */
export interface ManifestFile {
  /** `Deployment.apps.web.yaml`: safe as the name of a file. */
  readonly name: string
  readonly text: string
}

/** Letters of one application's side. */
const maxSideLength = 2 << 20
/** Letters of all applications of a cluster. */
const maxClusterLength = 12 << 20
/** Names of what is left out that are kept. */
const maxOmitted = 50

/**
 * The manifests of the applications that a change touches on a cluster, in the order of their names. What does not fit is left out and named.
 *
 * @param key keys the marks of hidden values.
 */
export function manifestsOf(
  touched: readonly Pick<Examined, 'base' | 'head' | 'rendered' | 'failures'>[],
  { key, cluster }: { readonly key: Uint8Array; readonly cluster: string },
): readonly ApplicationManifests[] {
  let room = maxClusterLength
  const named = touched
    .flatMap((examined) => {
      const object = examined.head ?? examined.base
      return object === undefined ? [] : [{ examined, object }]
    })
    .toSorted((a, b) => compareByteOrder(nameOf(a.object), nameOf(b.object)))
  return named.map(({ examined, object }): ApplicationManifests => {
    const { kind, metadata } = object
    const { namespace = '', name } = metadata
    const place = ['manifest', cluster, kind, namespace, name]
    const sideOf = (side: 'base' | 'head'): ManifestSide | 'failed' | undefined => {
      if (examined.failures[side] !== undefined) return 'failed'
      const rendered = examined.rendered[side]
      if (rendered === undefined) return undefined
      const made = manifestSide(rendered, { key, place, room: Math.min(room, maxSideLength) })
      room -= lengthOf(made)
      return made
    }
    const base = sideOf('base')
    const head = sideOf('head')
    return {
      kind,
      namespace: showName(namespace),
      name: showName(name),
      ...(base === undefined ? {} : { base }),
      ...(head === undefined ? {} : { head }),
    }
  })
}

function nameOf({ kind, metadata }: Workload): string {
  return `${metadata.namespace ?? ''}\0${kind}\0${metadata.name}`
}

function lengthOf({ files }: ManifestSide): number {
  return files.reduce((sum, { text }) => sum + text.length, 0)
}

/** One side of an application, of what everybody may read: nothing that only the rendering with secrets has is in it. */
export function manifestSide(
  { objects }: Pick<RenderedSide, 'objects'>,
  given: { readonly key: Uint8Array; readonly place: readonly string[]; readonly room: number },
): ManifestSide {
  const shown = objects
    .map((rendered) => showOne(rendered, given))
    .toSorted((a, b) => compareByteOrder(a.order, b.order) || compareByteOrder(a.text ?? '', b.text ?? ''))
  const files = new Map<string, string>()
  const omitted: string[] = []
  let room = given.room
  for (const { ref, text } of shown) {
    if (text === undefined || text.length > room) {
      omitted.push(labelOf(ref))
      continue
    }
    room -= text.length
    const name = manifestFileName(ref)
    const before = files.get(name)
    files.set(name, before === undefined ? text : `${before}---\n${text}`)
  }
  return {
    files: [...files].map(([name, text]) => ({ name, text })).toSorted((a, b) => compareByteOrder(a.name, b.name)),
    omitted: omitted.slice(0, maxOmitted),
    omittedCount: omitted.length,
  }
}

interface ShownOne {
  readonly ref: ObjectRef
  readonly order: string
  /** Undefined where it has letters that YAML cannot carry. */
  readonly text: string | undefined
}

function showOne(
  rendered: Rendered,
  { key, place }: { readonly key: Uint8Array; readonly place: readonly string[] },
): ShownOne {
  const orderOf = ({ group, kind, namespace, name }: ObjectRef): string => [kind, namespace, name, group].join('\0')
  const { ref, print } = showManifest(rendered, key, place)
  try {
    return { ref, order: orderOf(ref), text: print() }
  } catch (caught) {
    if (isEngineError(caught) && caught.code === 'yaml-unprintable')
      return { ref, order: orderOf(ref), text: undefined }
    throw caught
  }
}

/** The name of an object's file: `Kind.namespace.name.yaml`, without the namespace where there is none. */
export function manifestFileName({
  kind,
  namespace,
  name,
}: {
  readonly kind: string
  readonly namespace: string
  readonly name: string
}): string {
  return safePathPart([kind, namespace, name].filter((part) => part !== '').join('.')) + '.yaml'
}
