import { labels, type HelmRelease } from '../../api/index.ts'
import { EngineError } from '../../base/index.ts'
import { MemoryTree } from '../../files/index.ts'
import { printManifest, sortManifests, type Hook, type RenderResult } from '../../helm/index.ts'
import { build } from '../../kustomize/index.ts'
import { isMap, objectIdKey, objectIdOf, scalarText, type KubeMap, type KubeObject } from '../../resources/index.ts'
import { parseDocuments, printYaml } from '../../yaml/index.ts'

/** Annotation that carries an object's file through the renderers; never part of the result (Helm v4, pkg/action). */
const fileAnnotation = 'postrenderer.helm.sh/postrender-filename'

/** What was rendered, after the post-renderers: what a release stores. */
export interface PostRendered {
  readonly manifest: string
  readonly hooks: readonly Hook[]
  /** The manifest by the files of the chart that it comes from. */
  readonly parts: readonly { readonly source: string; readonly text: string }[]
}

/** An object and the template it came from. */
interface Document {
  readonly file: string
  readonly object: KubeObject
}

/**
 * Runs the post-renderers of a HelmRelease: each kustomize renderer, then common metadata, then the labels of its origin, which win
 * (helm-controller 1.6, postrender). `combined`: hooks and templates as one stream; `separate`: one after the other; `nohooks`: hooks stay as they are.
 *
 * @throws EngineError `post-render-failed`: an object that occurs twice in a stream, or what kustomize says.
 */
export function postRender(rendered: RenderResult, object: HelmRelease): PostRendered {
  const strategy = object.spec.postRenderStrategy ?? 'combined'
  const manifests = rendered.manifests.map((manifest) => ({ file: manifest.source, text: manifest.content }))
  const hooks = rendered.hooks.map((hook) => ({ file: hook.path, text: hook.manifest }))
  if (strategy === 'combined') {
    const hasRenderers = (object.spec.postRenderers ?? []).length > 0
    return hasRenderers ? sorted(run([...hooks, ...manifests], object)) : labelled(rendered, object)
  }
  const changed = sorted(run(manifests, object))
  if (strategy === 'nohooks') return { ...changed, hooks: rendered.hooks }
  return { ...changed, hooks: sorted(run(hooks, object)).hooks }
}

/** Without kustomize renderers no object can move: each document is changed where it stands. */
function labelled(rendered: RenderResult, object: HelmRelease): PostRendered {
  const seen = new Set<string>()
  const edit = (file: string, text: string): string => {
    const documents = read(file, text)
    checkUnique(documents, seen)
    return documents.map((document) => print(withMetadata(document.object, object))).join('---\n')
  }
  return withParts(
    rendered.hooks.map((hook) => ({ ...hook, manifest: edit(hook.path, hook.manifest) })),
    rendered.manifests
      .map(({ source, content }) => ({ source, text: edit(source, content) }))
      .filter(({ text }) => text !== ''),
  )
}

function withParts(hooks: PostRendered['hooks'], parts: PostRendered['parts']): PostRendered {
  return { hooks, parts, manifest: parts.map(({ source, text }) => printManifest(source, text)).join('') }
}

/** Sends texts through all renderers as one stream. */
function run(texts: readonly { readonly file: string; readonly text: string }[], object: HelmRelease): Document[] {
  let documents = texts.flatMap(({ file, text }) => read(file, text))
  checkUnique(documents, new Set())
  for (const { kustomize } of object.spec.postRenderers ?? []) {
    if (kustomize === undefined || documents.length === 0) continue
    documents = kustomizeRender(documents, kustomize)
  }
  return documents.map((document) => ({ ...document, object: withMetadata(document.object, object) }))
}

function kustomizeRender(
  documents: readonly Document[],
  renderer: { readonly patches?: readonly object[]; readonly images?: readonly object[] },
): Document[] {
  const input = documents.map(({ file, object }) => print(withAnnotation(object, fileAnnotation, file))).join('---\n')
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: ['helm-output.yaml'],
    ...(renderer.patches === undefined ? {} : { patches: renderer.patches }),
    ...(renderer.images === undefined ? {} : { images: renderer.images }),
  }
  const files = new MemoryTree({ 'kustomization.yaml': JSON.stringify(kustomization), 'helm-output.yaml': input })
  const built = build({ files, path: '', options: { loadRestrictions: 'none', reorder: 'none' } })
  return built.objects.map((object, index) => {
    const file = annotationsOf(object)[fileAnnotation]
    return {
      file: typeof file === 'string' && file !== '' ? file : `generated-by-postrender-${index}.yaml`,
      object: withoutAnnotation(object, fileAnnotation),
    }
  })
}

/** Puts objects back into files and sorts those as after a render. */
function sorted(documents: readonly Document[]): PostRendered {
  const files = new Map<string, string>()
  for (const { file, object } of documents) {
    const before = files.get(file)
    files.set(file, before === undefined ? print(object) : `${before}---\n${print(object)}`)
  }
  const { hooks, manifests } = sortManifests(files)
  return withParts(
    hooks,
    manifests.map(({ source, content }) => ({ source, text: content })),
  )
}

/** The objects of a rendered document; lists are expanded as kustomize does. */
function read(file: string, text: string): Document[] {
  const parsed = parseDocuments(text, { dialect: 'sigs' })
  const broken = parsed.diagnostics.find((finding) => finding.severity === 'error')
  if (broken !== undefined) throw failed(`${file}: ${broken.message}`)
  return parsed.documents
    .filter((document) => !document.empty)
    .flatMap((document) => expand(document.value as KubeObject))
    .map((object) => ({ file, object }))
}

function expand(object: KubeObject): KubeObject[] {
  const { kind, items } = object
  return typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items)
    ? (items as KubeObject[]).flatMap(expand)
    : [object]
}

function checkUnique(documents: readonly Document[], seen: Set<string>): void {
  for (const { file, object } of documents) {
    const id = `${scalarText(object['apiVersion'])} ${objectIdKey(objectIdOf(object))}`
    if (seen.has(id))
      throw failed(
        `may not add resource with an already registered id: ${id} (again in ${file}); remove one of both, or set postRenderStrategy to separate or nohooks`,
      )
    seen.add(id)
  }
}

/** Common metadata and origin on an object's own metadata; templates and selectors stay as they are. */
function withMetadata(object: KubeObject, release: HelmRelease): KubeObject {
  const common = release.spec.commonMetadata
  return label(object, { ...common?.labels, ...originLabels(release) }, common?.annotations ?? {})
}

/** The labels that say which HelmRelease an object comes from. */
export function originLabels(release: HelmRelease): { readonly [key: string]: string } {
  return { [labels.helmName]: release.metadata.name, [labels.helmNamespace]: release.metadata.namespace ?? '' }
}

/** Adds labels and annotations to an object's metadata. */
export function label(
  object: KubeObject,
  more: { readonly [key: string]: string },
  annotations: { readonly [key: string]: string },
): KubeObject {
  const metadata: KubeMap = isMap(object['metadata']) ? { ...object['metadata'] } : {}
  metadata['labels'] = { ...(isMap(metadata['labels']) ? metadata['labels'] : {}), ...more }
  if (Object.keys(annotations).length > 0)
    metadata['annotations'] = { ...(isMap(metadata['annotations']) ? metadata['annotations'] : {}), ...annotations }
  return { ...object, metadata }
}

function annotationsOf(object: KubeObject): KubeMap {
  const metadata = object['metadata']
  const annotations = isMap(metadata) ? metadata['annotations'] : undefined
  return isMap(annotations) ? annotations : {}
}

function withAnnotation(object: KubeObject, key: string, value: string): KubeObject {
  const metadata: KubeMap = isMap(object['metadata']) ? { ...object['metadata'] } : {}
  metadata['annotations'] = { ...annotationsOf(object), [key]: value }
  return { ...object, metadata }
}

function withoutAnnotation(object: KubeObject, key: string): KubeObject {
  const metadata: KubeMap = isMap(object['metadata']) ? { ...object['metadata'] } : {}
  const annotations = { ...annotationsOf(object) }
  delete annotations[key]
  if (Object.keys(annotations).length === 0) delete metadata['annotations']
  else metadata['annotations'] = annotations
  return { ...object, metadata }
}

function print(object: KubeObject): string {
  return printYaml(object, { dialect: 'sigs' })
}

function failed(message: string): EngineError {
  return new EngineError(`error while running post render on files: ${message}`, { code: 'post-render-failed' })
}
