import type { CommonMetadata, HelmReleaseSpec } from '../../api/index.ts'
import { sha256Hex } from '../../base/index.ts'
import { goJson, type GoJson } from '../../helm/index.ts'

/**
 * Digest of the post-renderers as Flux records it: SHA-256 of the JSON that Go's encoder writes for its structs, with a line break
 * (helm-controller 1.6, postrender.Digest).
 */
export function postRenderersDigest(renderers: NonNullable<HelmReleaseSpec['postRenderers']>): string {
  return digest(
    renderers.map(({ kustomize }) => ({
      kustomize: kustomize && {
        patches: nonEmpty(
          kustomize.patches?.map(({ patch, target }) => ({
            patch,
            target: target && {
              group: text(target.group),
              version: text(target.version),
              kind: text(target.kind),
              namespace: text(target.namespace),
              name: text(target.name),
              annotationSelector: text(target.annotationSelector),
              labelSelector: text(target.labelSelector),
            },
          })),
        ),
        images: nonEmpty(
          kustomize.images?.map((image) => ({
            name: image.name,
            newName: text(image.newName),
            newTag: text(image.newTag),
            digest: text(image.digest),
          })),
        ),
      },
    })),
  )
}

/** Digest of the common metadata, made the same way (helm-controller 1.6, postrender.CommonMetadataDigest). */
export function commonMetadataDigest(metadata: CommonMetadata): string {
  return digest({ annotations: map(metadata.annotations), labels: map(metadata.labels) })
}

function digest(value: GoJson): string {
  return `sha256:${sha256Hex(`${goJson(value)}\n`)}`
}

function text(value: string | undefined): string | undefined {
  return value === '' ? undefined : value
}

function nonEmpty(list: readonly GoJson[] | undefined): readonly GoJson[] | undefined {
  return list === undefined || list.length === 0 ? undefined : list
}

function map(value: { readonly [key: string]: string } | undefined): ReadonlyMap<string, string> | undefined {
  const entries = Object.entries(value ?? {})
  return entries.length === 0 ? undefined : new Map(entries)
}
