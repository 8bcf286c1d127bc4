import type { Diagnostic } from '../base/index.ts'
import { compareByteOrder, joinPath } from '../base/index.ts'
import { overlayTree, resolvePath } from '../files/index.ts'
import type { FileTree } from '../ports/index.ts'
import { builtInSchema, equalValues, isMap, type KubeMap, type KubeValue } from '../resources/index.ts'
import { parseDocuments, printYaml } from '../yaml/index.ts'
import { decode } from './decode.ts'
import { KUSTOMIZATION_FILES, pathOfField } from './kustomization-file.ts'
import { findingsOf, problem, problems } from './problems.ts'
import { readObjects } from './read-objects.ts'
import { isHttpUrl, isRepositoryUrl } from './repository-url.ts'
import { KUSTOMIZATION } from './shapes.ts'
import type { Selector } from './types.ts'

/** The fields of a Flux Kustomization's spec that change what is built. */
export interface KustomizationOverlaySpec {
  readonly targetNamespace?: string
  readonly namePrefix?: string
  readonly nameSuffix?: string
  readonly patches?: readonly { readonly patch: string; readonly target?: Selector }[]
  readonly images?: readonly {
    readonly name: string
    readonly newName?: string
    readonly newTag?: string
    readonly digest?: string
  }[]
  readonly components?: readonly string[]
  readonly ignoreMissingComponents?: boolean
  readonly buildMetadata?: readonly string[]
}

/** Bounds of looking for manifests below a directory without a kustomization file. */
const MAX_ENTRIES = 50_000

/**
 * `files` with the kustomization file of `path` as Flux would write it: generated from the manifests found below where there is none, and
 * changed by the spec (kustomize-controller 1.9, fluxcd/pkg kustomize). Nothing is written anywhere.
 *
 * Throws DiagnosticsError for a kustomization file that is no YAML mapping, for YAML files that are no manifests (all of them), and for
 * components that are no local paths.
 */
export function fluxOverlay(files: FileTree, path: string, spec: KustomizationOverlaySpec): FileTree {
  const directory = resolvePath(files, path)
  const existing = KUSTOMIZATION_FILES.map((name) => joinPath(directory, name)).find((file) => isFile(files, file))
  const { base, isAsWritten } =
    existing === undefined
      ? { base: generated(files, directory), isAsWritten: false }
      : readKustomization(files, existing)
  if (isAsWritten && isList(base, 'resources') && !changesBuild(spec)) return files
  const file = existing ?? joinPath(directory, 'kustomization.yaml')
  return overlayTree(files, { [file]: printYaml(applySpec(base, spec, files, directory), { dialect: 'sigs' }) })
}

/** Without a change the file stays as it is, so that lines in messages are the author's. */
function changesBuild(spec: KustomizationOverlaySpec): boolean {
  const lists = [spec.patches, spec.images, spec.components, spec.buildMetadata]
  return (
    Boolean(spec.targetNamespace || spec.namePrefix || spec.nameSuffix) || lists.some((list) => (list?.length ?? 0) > 0)
  )
}

function isFile(files: FileTree, path: string): boolean {
  const kind = files.stat(path)?.kind
  return kind === 'file' || (kind === 'symlink' && files.stat(resolvePath(files, path))?.kind === 'file')
}

function isList(map: KubeMap, field: string): boolean {
  const value = map[field]
  return Array.isArray(value) && value.length > 0
}

/**
 * The kustomization as Flux reads it before it writes it anew: fields that are not known are lost, and numbers are taken for text where text is
 * wanted, both of which kustomize itself would refuse. `isAsWritten` where that made no difference.
 */
function readKustomization(files: FileTree, file: string): { base: KubeMap; isAsWritten: boolean } {
  const { documents, diagnostics } = parseDocuments(new TextDecoder().decode(files.read(resolvePath(files, file))), {
    dialect: 'sigs',
    file,
    first: true,
  })
  const report = diagnostics.filter((one) => one.severity === 'error')
  if (report.length > 0) throw problems(report)
  const [document] = documents
  const value = (document?.value ?? {}) as KubeValue
  if (!isMap(value)) throw problem('kustomization-field-type', 'a kustomization file must be a mapping', { file })
  const place = (field: string): Partial<Diagnostic> => {
    const line = document?.lineOf(pathOfField(field))
    return { file, ...(line === undefined ? {} : { line }) }
  }
  const base = (decode(value, KUSTOMIZATION, { strict: false, coerce: true, place }, report) ?? {}) as KubeMap
  if (report.length > 0) throw problems(report)
  return { base, isAsWritten: equalValues(base, value) }
}

/** A kustomization of everything below `directory`: manifests, and directories that have a kustomization of their own. */
function generated(files: FileTree, directory: string): KubeMap {
  const resources: string[] = []
  const report: Diagnostic[] = []
  let entries = 0
  const walk = (at: string, shown: string): void => {
    for (const entry of files.list(at).toSorted((a, b) => compareByteOrder(a.name, b.name))) {
      if (++entries > MAX_ENTRIES)
        throw problem(
          'kustomize-limit',
          `more than ${MAX_ENTRIES} files are below '${directory}'; add a kustomization.yaml`,
        )
      const path = joinPath(at, entry.name)
      const name = `${shown}/${entry.name}`
      if (entry.kind === 'directory') {
        if (KUSTOMIZATION_FILES.some((file) => isFile(files, joinPath(path, file)))) resources.push(name)
        else walk(path, name)
        continue
      }
      if (!/\.ya?ml$/.test(entry.name) || !isFile(files, path)) continue
      try {
        readObjects(new TextDecoder().decode(files.read(resolvePath(files, path))), path, builtInSchema)
      } catch (error) {
        report.push(
          ...findingsOf(error).map((one) => ({ ...one, message: `failed to decode Kubernetes YAML: ${one.message}` })),
        )
      }
      resources.push(name)
    }
  }
  walk(directory, '.')
  if (report.length > 0) throw problems(report)
  const base: KubeMap = { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization' }
  if (resources.length > 0) base['resources'] = resources
  // A kustomization without any content would be refused; this one builds nothing.
  else base['namespace'] = '_placeholder'
  return base
}

function applySpec(base: KubeMap, spec: KustomizationOverlaySpec, files: FileTree, directory: string): KubeMap {
  const result: KubeMap = { ...base }
  result['apiVersion'] ??=
    result['kind'] === 'Component' ? 'kustomize.config.k8s.io/v1alpha1' : 'kustomize.config.k8s.io/v1beta1'
  result['kind'] ??= 'Kustomization'
  if (!isList(result, 'resources')) result['buildMetadata'] = ['originAnnotations']
  if (spec.targetNamespace) result['namespace'] = spec.targetNamespace
  if (spec.namePrefix) result['namePrefix'] = spec.namePrefix
  if (spec.nameSuffix) result['nameSuffix'] = spec.nameSuffix
  append(
    result,
    'patches',
    (spec.patches ?? []).map(({ patch, target }) => ({
      patch,
      ...(target ? { target: { ...target } as KubeMap } : {}),
    })),
  )
  append(result, 'components', components(spec, files, directory))
  if (spec.images && spec.images.length > 0) result['images'] = mergeImages(listOf(result, 'images'), spec.images)
  if (spec.buildMetadata && spec.buildMetadata.length > 0) result['buildMetadata'] = [...spec.buildMetadata]
  return result
}

function listOf(map: KubeMap, field: string): KubeValue[] {
  const value = map[field]
  return Array.isArray(value) ? value : []
}

function append(map: KubeMap, field: string, values: KubeValue[]): void {
  if (values.length > 0) map[field] = [...listOf(map, field), ...values]
}

function components(spec: KustomizationOverlaySpec, files: FileTree, directory: string): string[] {
  const report: Diagnostic[] = []
  const result = (spec.components ?? []).filter((path) => {
    if (path.startsWith('/') || path.includes('://') || isHttpUrl(path) || isRepositoryUrl(path)) {
      report.push({
        code: 'kustomize-component-path',
        severity: 'error',
        message: `component path '${path}' must be local and relative`,
        field: 'spec.components',
      })
      return false
    }
    return (
      spec.ignoreMissingComponents !== true || files.stat(resolvePath(files, joinPath(directory, path))) !== undefined
    )
  })
  if (report.length > 0) throw problems(report)
  return result
}

/** Per name: a new name replaces the old one; tag and digest replace both together. */
function mergeImages(
  known: readonly KubeValue[],
  images: NonNullable<KustomizationOverlaySpec['images']>,
): KubeValue[] {
  const result = [...known]
  for (const image of images) {
    const index = result.findIndex((one) => isMap(one) && one['name'] === image.name)
    const old = (index < 0 ? { name: image.name } : result[index]) as KubeMap
    const merged: KubeMap = { ...old }
    if (image.newTag || image.digest) {
      delete merged['newTag']
      delete merged['digest']
    }
    Object.assign(merged, {
      ...(image.newName ? { newName: image.newName } : {}),
      ...(image.newTag ? { newTag: image.newTag } : {}),
      ...(image.digest ? { digest: image.digest } : {}),
    })
    if (index < 0) result.push(merged)
    else result[index] = merged
  }
  return result
}
