import { EngineError } from '../base/index.ts'
import type { KubeValue } from './object.ts'
import type { Schema, SchemaNode } from './schema.ts'

/** Settings of a strategic merge. */
export interface MergeOptions {
  readonly schema: Schema
  /** Where elements that only the patch has go: in front (kustomize's patches) or behind. */
  readonly newElements: 'prepend' | 'append'
}

/** What `$patch` says about the mapping or list that holds it. */
export type Directive = 'merge' | 'replace' | 'delete'

/** Merges one element of a list; undefined removes it. */
export type MergeElement = (
  target: KubeValue | undefined,
  patch: KubeValue | undefined,
  schema: SchemaNode | undefined,
) => KubeValue | undefined

/** What merging a list depends on. */
export interface ListRules extends MergeOptions {
  readonly mergeElement: MergeElement
}

/** The error for a `$patch` that is none of delete, replace and merge. */
export function unknownDirective(text: string): EngineError {
  return new EngineError(`unknown patch strategy '${text}': $patch must be one of delete, replace, merge`, {
    code: 'merge-unknown-directive',
  })
}
