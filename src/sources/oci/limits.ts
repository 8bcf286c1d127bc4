/** Bounds of one OCI artifact. */
export interface OciLimits {
  readonly maxManifestBytes: number
  /** Largest layer as it is stored. */
  readonly maxLayerBytes: number
  /** Largest content of a layer that is extracted. */
  readonly maxExtractedBytes: number
  readonly maxFiles: number
  /** Most tags that are looked through for a version. */
  readonly maxTags: number
}

/** Limits that fit into an isolate of 128 MB. */
export const defaultOciLimits: OciLimits = Object.freeze({
  maxManifestBytes: 4 << 20,
  maxLayerBytes: 32 << 20,
  maxExtractedBytes: 64 << 20,
  maxFiles: 50_000,
  maxTags: 100_000,
})
