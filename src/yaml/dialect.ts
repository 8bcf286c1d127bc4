/**
 * How plain scalars are read. `sigs`: sigs.k8s.io/yaml 1.6 over go-yaml v2, which Kubernetes and Helm use (YAML 1.1 booleans; text that looks
 * like a time stays text). `kyaml`: go-yaml v3, which kustomize uses (only true and false are booleans; times become RFC 3339).
 */
export type YamlDialect = 'sigs' | 'kyaml'

/** A value as YAML gives it. Integers beyond 2^53 are bigints. With `maps` mappings are Maps, else plain objects. */
export type YamlValue =
  null | boolean | number | bigint | string | YamlValue[] | { [key: string]: YamlValue } | Map<string, YamlValue>

/** A value read with `maps`: mappings are Maps, and every number is a float64, as Go's JSON decoding has it. */
export type YamlMapValue = null | boolean | number | string | YamlMapValue[] | Map<string, YamlMapValue>

/** Bounds of one reading. */
export interface YamlLimits {
  /** Bytes (UTF-16 units) of the text. */
  readonly maxLength: number
  readonly maxDepth: number
  /** Nodes that aliases may bring in all: a small text can otherwise stand for billions. */
  readonly maxAliasedNodes: number
}

export const defaultYamlLimits: YamlLimits = Object.freeze({
  maxLength: 64 << 20,
  maxDepth: 1000,
  maxAliasedNodes: 1_000_000,
})
