import type { ParsedText, Run, Value } from '../../template/index.ts'

/** A question to the cluster that a template asked with `lookup`. An empty name asks for a list. */
export interface LookupRequest {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/**
 * Answers `lookup`: the object (or list) as plain data, null where the cluster has none, undefined where the answer is not known yet. An unknown answer is
 * recorded, and stands for null until the caller has fetched it and renders again.
 */
export type Lookup = (request: LookupRequest) => { readonly [key: string]: unknown } | null | undefined

/** Time and randomness for the functions that are not the same every time (`now`, `randAlphaNum`, `genCA`). */
export interface RenderEnvironment {
  /** Milliseconds since 1970. */
  now(): number
  randomBytes(count: number): Uint8Array
  /** A new RSA key, PKCS#1 in DER, where the platform makes keys at once; without it the engine makes them of random bytes. */
  rsaKey?(bits: number): Uint8Array
}

/** What functions that Helm adds need from the render that they run in. */
export interface RenderHost {
  /** How often each template is being included right now. */
  readonly included: Map<string, number>
  /** Texts that `tpl` has parsed. */
  readonly parsed: Map<string, ParsedText>
  /** Whether `required` and `fail` let everything pass. */
  readonly lint: boolean
  readonly lookup: (request: LookupRequest) => Value
}

/** The host of a run that was started by the renderer. */
export function hostOf(run: Run): RenderHost {
  return run.host as RenderHost
}
