import { planText, wrapText, type TextStyle } from '../../plan/index.ts'
import type { LocalPlan } from '../working-copy/local-plan.ts'

/** What of a plan depends on how it was made. */
export interface Circumstances {
  /** A cluster was asked. */
  readonly isLive: boolean
  readonly isWorkingTree: boolean
}

/** Applications with placeholders that are named. */
const maxNamed = 5

/** A plan of commits for people, with what it cannot know at the end. Exported for tests. */
export function planChangeText(
  { document, withPlaceholders }: LocalPlan,
  { isLive, isWorkingTree }: Circumstances,
  style: TextStyle,
  width?: number,
): string {
  const text = planText(document, style, { width, isGitOnly: !isLive })
  const notes = [
    ...(isWorkingTree ? ['What is not committed is part of it.'] : []),
    ...(isLive
      ? []
      : [
          'From Git alone. Not known without a cluster (--kubeconfig or --context): what has drifted there, what its API server refuses, its version, and objects that are not in Git.',
        ]),
    ...placeholderNotes(withPlaceholders),
  ]
  if (notes.length === 0) return text
  return `${text}\n${notes
    .flatMap((note) => wrapText(note, width))
    .map((line) => `${style.dim(line)}\n`)
    .join('')}`
}

function placeholderNotes(names: readonly string[]): readonly string[] {
  if (names.length === 0) return []
  const more = names.length > maxNamed ? `, and ${names.length - maxNamed} more` : ''
  return [`Placeholders stood for Secrets and encrypted values in ${names.slice(0, maxNamed).join(', ')}${more}.`]
}
