import { RE2JS } from 're2js'
import { getKey, isMap, type KubeObject, type KubeValue, scalarText } from '../../resources/index.ts'
import type { FieldSpec } from '../config/field-spec.ts'
import { problem } from '../problems.ts'
import type { ResourceList } from '../resource-list.ts'
import type { ImageEntry } from '../types.ts'
import { readSlot, visitField, writeSlot, type Slot } from './field-spec.ts'

/**
 * Changes image references: in every list called `containers` or `initContainers`, however deep, and in the fields that `specs` name
 * (api/internal/builtins ImageTagTransformer). Custom resource definitions are left alone.
 */
export function setImages(list: ResourceList, image: ImageEntry, specs: readonly FieldSpec[]): void {
  const change = imageChange(image)
  const apply = (slot: Slot): void => {
    const value = readSlot(slot)
    if (value === null) return
    if (typeof value === 'object') throw problem('kustomize-field-path', 'an image must be a text')
    const changed = change(scalarText(value))
    if (changed !== undefined) writeSlot(slot, changed)
  }
  for (const { object } of list.items) if (object['kind'] !== 'CustomResourceDefinition') visitContainers(object, apply)
  for (const { object } of list.items) {
    if (object['kind'] === 'CustomResourceDefinition') continue
    for (const spec of specs) visitField(object, spec, undefined, apply)
  }
}

function visitContainers(object: KubeObject, apply: (slot: Slot) => void): void {
  const walk = (value: KubeValue): void => {
    if (Array.isArray(value)) for (const item of value) walk(item)
    else if (isMap(value)) {
      for (const key of Object.keys(value)) {
        const child = value[key] as KubeValue
        walk(child)
        if ((key === 'containers' || key === 'initContainers') && Array.isArray(child)) {
          for (const container of child) {
            if (isMap(container) && getKey(container, 'image') !== undefined) apply({ container, key: 'image' })
          }
        }
      }
    }
  }
  walk(object)
}

const REST = '(:[a-zA-Z0-9_.{}-]*)?(@sha256:[a-zA-Z0-9_.{}-]*)?$'

/** Text in which no character but the dot means something in an expression: safe for the built-in engine, which is much faster. */
const SIMPLE = /^[A-Za-z0-9_/.:@-]*$/

/** A function that gives the changed reference, or undefined where the image is another one. */
export function imageChange(image: ImageEntry): (reference: string) => string | undefined {
  const fits = imageMatcher(image.name ?? '')
  return (reference) => {
    if (!fits(reference)) return undefined
    const split = splitImage(reference)
    let { tag, digest } = split
    if (image.newTag) {
      tag = image.newTag
      digest = image.digest ?? ''
    } else if (image.digest) {
      tag = ''
      digest = image.digest
    } else if (image.tagSuffix) {
      tag += image.tagSuffix
      digest = ''
    }
    return (image.newName || split.name) + (tag === '' ? '' : `:${tag}`) + (digest === '' ? '' : `@${digest}`)
  }
}

/** kustomize puts the name into an expression as it is, so it may be one itself. */
function imageMatcher(name: string): (reference: string) => boolean {
  if (SIMPLE.test(name)) {
    const simple = new RegExp(`^${name}${REST}`)
    return (reference) => simple.test(reference)
  }
  try {
    const compiled = RE2JS.compile(`^${name}${REST}`)
    return (reference) => compiled.matcher(reference).find()
  } catch (error) {
    throw problem(
      'kustomize-image-name',
      `image name ${JSON.stringify(name)} is no valid regular expression: ${error instanceof Error ? error.message : String(error)}`,
      { field: 'images' },
    )
  }
}

/** Splits a reference into name, tag and digest; a colon before the first slash belongs to the host (api/internal/image, Split). */
export function splitImage(reference: string): { name: string; tag: string; digest: string } {
  const slash = Math.max(reference.indexOf('/'), 0)
  const at = reference.indexOf('@', slash)
  const colon = reference.indexOf(':', slash)
  if (at < 0 && colon < 0) return { name: reference, tag: '', digest: '' }
  if (at >= 0 && (at < colon || colon < 0))
    return { name: reference.slice(0, at), tag: '', digest: reference.slice(at + 1) }
  return at < 0
    ? { name: reference.slice(0, colon), tag: reference.slice(colon + 1), digest: '' }
    : { name: reference.slice(0, colon), tag: reference.slice(colon + 1, at), digest: reference.slice(at + 1) }
}
