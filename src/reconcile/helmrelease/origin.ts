import { labels, type HelmRelease } from '../../api/index.ts'
import type { Release } from '../../helm/index.ts'
import { isMap, type KubeMap, type KubeObject } from '../../resources/index.ts'
import { parseDocuments, printYaml } from '../../yaml/index.ts'

/**
 * The manifest and hooks of a release with the labels that say which HelmRelease they come from, and the common metadata of its spec
 * below them (helm-controller 1.6, postrender: common metadata, then origin labels, which win).
 */
export function withOrigin(release: Release, object: HelmRelease): Release {
  const common = object.spec.commonMetadata
  const origin = { [labels.helmName]: object.metadata.name, [labels.helmNamespace]: object.metadata.namespace ?? '' }
  const edit = (text: string): string =>
    parseDocuments(text, { dialect: 'sigs' })
      .documents.filter((document) => !document.empty)
      .map((document) =>
        printYaml(label(document.value as KubeObject, { ...common?.labels, ...origin }, common?.annotations ?? {}), {
          dialect: 'sigs',
        }),
      )
      .join('---\n')
  return {
    ...release,
    manifest: edit(release.manifest),
    hooks: release.hooks.map((hook) => ({ ...hook, manifest: edit(hook.manifest) })),
  }
}

/** Labels and annotations of an object's own metadata; templates and selectors stay as they are. */
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
