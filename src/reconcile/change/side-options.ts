import type { KubeObject } from '../../resources/index.ts'
import type { Workload } from '../world.ts'
import type { Form, Placeholders } from './placeholders.ts'

/** How one side is rendered. */
export interface SideOptions {
  readonly placeholders: Placeholders
  /** `withheld`: nothing is decrypted and no Secret or ConfigMap is read; there are placeholders alone. */
  readonly secrets: 'used' | 'withheld'
  /**
   * A ConfigMap as everybody may read it, where the same commit renders it (the `shown` of an item). What only the cluster has counts as secret, since fewer people may read it than Git.
   */
  readonly configMap?: (key: { readonly namespace: string; readonly name: string }) => KubeObject | undefined
  /**
   * The object itself has placeholders in it, because its parent puts secrets into it; this is the same one with those of the twin. What is really applied cannot be told then: nobody knows the object with its secrets.
   */
  readonly twin?: Workload | undefined
  /** Values of the object that only the cluster has: they count as secret, too (see hiddenPaths). */
  readonly hidden?: readonly (readonly string[])[] | undefined
}

/** The placeholders of one rendering, which knows whether one was needed. */
export interface NotedPlaceholders {
  text(reference: readonly string[]): string
  /** A stream of bytes that counts as used when it is read. */
  random(reference: readonly string[]): (length: number) => Uint8Array<ArrayBuffer>
  /** Says that something else took part that no form may depend on. */
  note(): void
  readonly isUsed: boolean
}

/** Placeholders of one form that remember whether any was asked for. */
export function notePlaceholders(placeholders: Placeholders, form: Form): NotedPlaceholders {
  let isUsed = false
  const note = (): void => {
    isUsed = true
  }
  return {
    text: (reference) => {
      note()
      return placeholders.text(form, reference)
    },
    random: (reference) => {
      const read = placeholders.random(form, reference)
      return (length) => {
        note()
        return read(length)
      }
    },
    note,
    get isUsed() {
      return isUsed
    },
  }
}
