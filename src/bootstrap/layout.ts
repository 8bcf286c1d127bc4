import { findUnservable } from '../api/index.ts'
import { EngineError, sluiceVersion } from '../base/index.ts'
import { parseDocuments, printEdited, printYaml, readCommented, type YamlValue } from '../yaml/index.ts'
import {
  accountManifests,
  crdManifests,
  namespaceManifest,
  printManifests,
  syncManifests,
  type SyncOptions,
} from './manifests.ts'
import { fileNames, syncName, systemNamespace } from './names.ts'

/** What is to be laid out. */
export interface LayoutOptions extends SyncOptions {
  /** What the repository has below `<path>/flux-system`, by path. */
  readonly existing: { readonly [path: string]: string }
  /** Sets the replicas of Flux's controllers to 0, in Git. */
  readonly stopFluxControllers: boolean
}

/** The files of the cluster side. */
export interface Layout {
  /** Whose bootstrap made the directory. */
  readonly origin: 'nobody' | 'sluice' | 'flux'
  /** Everything below `<path>/flux-system` as it should be; files that are not ours as they are. */
  readonly files: { readonly [path: string]: string }
  /** Paths that are written, in the order of the alphabet. */
  readonly changed: readonly string[]
  /** Flux's controllers are part of the repository and would run. */
  readonly hasFluxControllers: boolean
}

const ours = `Written by 'sluice bootstrap' ${sluiceVersion}; a later one writes it anew.`

/**
 * The files of the cluster side, from what is there: from nothing the definitions, the account with its rights, and the sync objects; beside a bootstrap of Flux only the account with its rights, because the rest is there already
 * (its sync objects, its components). Pure.
 *
 * @throws EngineError `bootstrap-conflict` where the directory is synced from elsewhere, `bootstrap-newer` where it asks for a newer version, `bootstrap-unreadable` for YAML that is none.
 */
export function layOut(options: LayoutOptions): Layout {
  const { existing, path } = options
  const at = (name: string): string => `${path}/${systemNamespace}/${name}`
  const origin =
    existing[at(fileNames.fluxComponents)] !== undefined
      ? 'flux'
      : existing[at(fileNames.components)] === undefined
        ? 'nobody'
        : 'sluice'
  checkVersions(existing)
  const files: { [path: string]: string } = { ...existing }
  const isFlux = origin === 'flux'
  if (!isFlux) files[at(fileNames.crds)] = printManifests(crdManifests(), ours)
  const components = [...(isFlux ? [] : [namespaceManifest()]), ...accountManifests()]
  files[at(fileNames.components)] = printManifests(components, ours)
  const sync = existing[at(fileNames.sync)]
  if (sync === undefined) files[at(fileNames.sync)] = printManifests(syncManifests(options), ours)
  else checkSync(sync, at(fileNames.sync), options)
  const resources = isFlux
    ? [fileNames.fluxComponents, fileNames.sync, fileNames.components]
    : [fileNames.crds, fileNames.components, fileNames.sync]
  const kustomization = at(fileNames.kustomization)
  files[kustomization] = withResources(existing[kustomization], kustomization, resources, {
    stop: isFlux && options.stopFluxControllers,
  })
  const changed = Object.keys(files).filter((file) => files[file] !== existing[file])
  const hasFluxControllers = isFlux && !isStopped(files[kustomization] ?? '') && hasControllers(existing)
  return { origin, files, changed: changed.toSorted(), hasFluxControllers }
}

/** Objects of YAML files, for looking at; what cannot be read is left out. */
function objectsOf(text: string): readonly { readonly [field: string]: unknown }[] {
  return parseDocuments(text, { dialect: 'sigs' }).documents.flatMap(({ value }) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? [value as { [field: string]: unknown }] : [],
  )
}

function checkVersions(existing: { readonly [path: string]: string }): void {
  const faults = Object.entries(existing)
    .filter(([path]) => path.endsWith('.yaml'))
    .flatMap(([, text]) => findUnservable(objectsOf(text)))
  if (faults.length === 0) return
  throw new EngineError(
    `the repository is ahead of this program: ${faults.join('; ')}. Use a newer version of Sluice; nothing was changed`,
    { code: 'bootstrap-newer' },
  )
}

/** Sync objects that are there must mean the same repository directory. How its URL is written (ssh, https) is theirs. */
function checkSync(text: string, file: string, options: LayoutOptions): void {
  const objects = objectsOf(text)
  const spec = (kind: string): { readonly [field: string]: unknown } | undefined =>
    objects.find((one) => one['kind'] === kind && (one['metadata'] as { name?: unknown } | null)?.name === syncName)?.[
      'spec'
    ] as { readonly [field: string]: unknown } | undefined
  const path = normalPath(spec('Kustomization')?.['path'])
  const branch = (spec('GitRepository')?.['ref'] as { readonly branch?: unknown } | undefined)?.branch
  if (spec('Kustomization') === undefined || spec('GitRepository') === undefined)
    throw conflict(`${file} has no GitRepository and Kustomization ${syncName}; take it away, or choose another --path`)
  if (path !== options.path)
    throw conflict(`${file} syncs the path '${path}', not '${options.path}'; give --path ${path}`)
  if (branch !== options.branch)
    throw conflict(`${file} follows the branch '${String(branch)}', not '${options.branch}'; give --branch`)
}

/** `./clusters/prod/` as `clusters/prod`. */
export function normalPath(path: unknown): string {
  return (typeof path === 'string' ? path : '')
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')
}

/** A kustomization.yaml with resources that it does not have yet; what else stands in it, comments too, stays. */
function withResources(
  text: string | undefined,
  file: string,
  resources: readonly string[],
  { stop }: { readonly stop: boolean },
): string {
  if (text === undefined) {
    const fresh = { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization', resources }
    return printYaml(fresh, { dialect: 'sigs' })
  }
  const [document] = parseDocuments(text, { dialect: 'sigs', file }).documents
  const value = document?.value as { [field: string]: YamlValue } | null | undefined
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new EngineError(`${file} cannot be read as YAML; repair it first`, { code: 'bootstrap-unreadable' })
  const listed = Array.isArray(value['resources']) ? (value['resources'] as YamlValue[]) : []
  const missing = resources.filter((one) => !listed.some((have) => normalPath(have) === one))
  if (missing.length === 0 && (!stop || isStopped(text))) return text
  value['resources'] = [...listed, ...missing]
  if (stop && !isStopped(text)) {
    const patches = Array.isArray(value['patches']) ? (value['patches'] as YamlValue[]) : []
    value['patches'] = [...patches, stopPatch as unknown as YamlValue]
  }
  const [node] = readCommented(text)
  return node === undefined ? printYaml(value, { dialect: 'sigs' }) : printEdited(node, value, () => undefined)
}

/** Flux's controllers, by the label that its components carry. */
const stopPatch = {
  target: { kind: 'Deployment', labelSelector: 'app.kubernetes.io/part-of=flux' },
  patch: '- op: add\n  path: /spec/replicas\n  value: 0\n',
}

function isStopped(text: string): boolean {
  const found = objectsOf(text)[0]?.['patches']
  return (
    Array.isArray(found) &&
    found.some(
      (one: unknown) =>
        (one as { target?: { labelSelector?: unknown } } | null)?.target?.labelSelector ===
        stopPatch.target.labelSelector,
    )
  )
}

function hasControllers(existing: { readonly [path: string]: string }): boolean {
  return Object.entries(existing).some(
    ([path, text]) =>
      path.endsWith(`/${fileNames.fluxComponents}`) && objectsOf(text).some((one) => one['kind'] === 'Deployment'),
  )
}

function conflict(message: string): EngineError {
  return new EngineError(message, { code: 'bootstrap-conflict' })
}
