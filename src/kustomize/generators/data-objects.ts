import type { KubeMap, KubeObject, Schema } from '../../resources/index.ts'
import { isMap, setKey } from '../../resources/index.ts'
import type { Loader } from '../loader.ts'
import { problem } from '../problems.ts'
import { type Behavior, Resource } from '../resource.ts'
import type { GeneratorEntry, GeneratorOptions } from '../types.ts'
import { loadKeyValues } from './key-values.ts'

/** Generates a ConfigMap (api/internal/generators). Values that are no UTF-8 go to `binaryData`. */
export function generateConfigMap(entry: GeneratorEntry, loader: Loader, schema: Schema): Resource {
  const object = baseObject('ConfigMap', entry)
  for (const { key, value } of loadKeyValues(entry, loader)) {
    const text = utf8(value)
    const field = text === undefined ? 'binaryData' : 'data'
    const data = (object[field] ?? {}) as KubeMap
    setKey(data, key, text ?? base64(value))
    object[field] = data
  }
  return finish(object, entry, schema)
}

/** Generates a Secret; all values are base64, in lines of 70 characters as kustomize breaks them. */
export function generateSecret(entry: GeneratorEntry, loader: Loader, schema: Schema): Resource {
  const object = baseObject('Secret', entry)
  object['type'] = entry.type || 'Opaque'
  const data: KubeMap = {}
  for (const { key, value } of loadKeyValues(entry, loader)) setKey(data, key, base64(value))
  object['data'] = data
  return finish(object, entry, schema)
}

function baseObject(kind: string, entry: GeneratorEntry): KubeObject {
  if (!entry.name) throw problem('kustomize-generator-name', `a generated ${kind} must have a name`)
  const metadata: KubeMap = { name: entry.name }
  if (entry.namespace) metadata['namespace'] = entry.namespace
  return { apiVersion: 'v1', kind, metadata }
}

function finish(object: KubeObject, entry: GeneratorEntry, schema: Schema): Resource {
  const options = entry.options
  const metadata = object['metadata'] as KubeMap
  for (const field of ['labels', 'annotations'] as const) {
    const texts = options?.[field]
    if (texts !== undefined && Object.keys(texts).length > 0) metadata[field] = { ...texts }
  }
  if (options?.immutable === true) object['immutable'] = true
  const resource = new Resource(object, schema)
  for (const map of [object['data'], object['binaryData'], metadata['labels'], metadata['annotations']])
    if (isMap(map)) resource.noteWritten(map)
  resource.needsHash = options?.disableNameSuffixHash !== true
  resource.behavior = behaviorOf(entry.behavior)
  // What kustomize knows about it stands there.
  metadata['annotations'] ??= {}
  return resource
}

function behaviorOf(text: string | undefined): Behavior {
  return text === 'create' || text === 'replace' || text === 'merge' ? text : 'unspecified'
}

/** A generator's options with those of the kustomization filled in; flags that are set globally cannot be unset locally. */
export function mergeGeneratorOptions(
  local: GeneratorOptions | undefined,
  global: GeneratorOptions | undefined,
): GeneratorOptions | undefined {
  if (global === undefined) return local
  const options = local ?? {}
  return {
    labels: { ...global.labels, ...options.labels },
    annotations: { ...global.annotations, ...options.annotations },
    disableNameSuffixHash: options.disableNameSuffixHash === true || global.disableNameSuffixHash === true,
    immutable: options.immutable === true || global.immutable === true,
  }
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}

const LINE = 70

function base64(bytes: Uint8Array): string {
  let binary = ''
  for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192))
  const text = btoa(binary)
  if (text.length < LINE) return text
  let result = ''
  for (let at = 0; at < text.length; at += LINE) result += `${text.slice(at, at + LINE)}\n`
  return result
}
