import type { Diagnostic } from '../base/index.ts'
import type { Origin } from './origin.ts'
import type { Resource } from './resource.ts'
import type { ResourceList } from './resource-list.ts'

/** Changes the objects of a kustomization. */
export interface Transformer {
  /** Where it was configured, when the build keeps track of that. */
  readonly origin: Origin | undefined
  readonly run: (list: ResourceList) => void
}

/** Makes objects. */
export interface Generator {
  readonly origin: Origin | undefined
  /** The objects; undefined where something must be fetched first. */
  readonly run: () => readonly Resource[] | undefined
}

/** A sink for findings that do not stop a build. */
export type Warn = (diagnostic: Diagnostic) => void

/** Runs transformers in order. With origins, each is noted on every object it had before it. */
export function runTransformers(list: ResourceList, transformers: readonly Transformer[]): void {
  for (const { origin, run } of transformers) {
    run(list)
    if (origin !== undefined) {
      for (const resource of list.items) {
        if (resource.origin === undefined) resource.origin = origin
        else resource.transformations = [...resource.transformations, origin]
      }
    }
    list.dropEmpty()
  }
}
