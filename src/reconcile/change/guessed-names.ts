import { gvkOf, nameOf, type KubeObject } from '../../resources/index.ts'
import type { SideObject } from './types.ts'
import type { Examined } from './walk.ts'

/** What a generator puts behind a name: a hash of the content, in the letters that it uses. */
const hashSuffix = /-[2456789bcdfghkmt]{10}$/

/** Whether an object of head that base does not have may be named with a guess at a secret. */
export type IsGuessed = (item: SideObject) => boolean

/**
 * Names that may be guesses: those with the hash of some content, which may be a secret's, and those of a kind of which the applications of the change name an object with a secret. That the cluster has an object of
 * such a name would tell that the guess is right.
 */
export function guessedNames(touched: readonly Examined[]): IsGuessed {
  const kinds = new Set<string>()
  for (const { rendered } of touched)
    for (const side of [rendered.base, rendered.head])
      for (const { shown, isNameHidden } of side?.items ?? []) if (isNameHidden === true) kinds.add(kindOf(shown))
  return ({ shown }) => {
    const kind = kindOf(shown)
    return kinds.has(kind) || (['/ConfigMap', '/Secret'].includes(kind) && hashSuffix.test(nameOf(shown)))
  }
}

function kindOf(object: KubeObject): string {
  const { group, kind } = gvkOf(object)
  return `${group}/${kind}`
}
