import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'

/** Where artifacts are served, for whom. */
export interface ArtifactLinkOptions {
  /** URL of the deployment. */
  readonly publicUrl: string
  readonly cluster: string
  /** Signs the links; without one readers need a token. */
  readonly key?: string
}

/** What an artifact's link is about. */
export interface ArtifactName {
  readonly cluster: string
  /** `<kind>/<namespace>/<name>/<file>`, as in `.status.artifact.path`. */
  readonly path: string
}

/** `sha256:<hex>` of an artifact's file, by the platform: many times faster than code of our own. */
export async function artifactFileDigest(bytes: Uint8Array): Promise<string> {
  return `sha256:${bytesToHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)))}`
}

/** Key of an artifact's file in the blob store, which clusters may share. It may be gone at any time; its source then makes it again. */
export function artifactBlobKey(name: ArtifactName): string {
  return `artifacts/${name.cluster}/${name.path}`
}

/**
 * The URL of an artifact's file: `<publicUrl>/artifacts/<cluster>/<path>?signature=…`. Whoever may read the source's status may download its artifact, as with Flux, and nobody
 * else. The signature has no end of its own: it is over the path, which carries the revision, and the file goes when the artifact is replaced.
 */
export function artifactLink(options: ArtifactLinkOptions, path: string): string {
  const { publicUrl, cluster, key } = options
  const url = `${publicUrl.replace(/\/+$/, '')}/artifacts/${[cluster, ...path.split('/')].map(encodeURIComponent).join('/')}`
  return key === undefined ? url : `${url}?signature=${artifactSignature(key, { cluster, path })}`
}

/** The signature of an artifact's link: HMAC-SHA-256 over what the link names, in hexadecimal digits. */
export function artifactSignature(key: string, name: ArtifactName): string {
  const text = `sluice artifact\n${name.cluster}\n${name.path}`
  const encoder = new TextEncoder()
  return bytesToHex(hmac(sha256, encoder.encode(key), encoder.encode(text)))
}
