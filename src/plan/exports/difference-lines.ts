import { diffLines } from '../../base/index.ts'
import type { FieldDifference, PlannedObject } from '../document.ts'

/** One line of what differs, with its sign. Plain text, not escaped. */
export interface Line {
  readonly sign: '-' | '+' | ' ' | '…'
  readonly text: string
}

/** What is said of a field beside its values. */
export function originNote({ origin, isHidden }: FieldDifference): string {
  const words = [
    ...(isHidden === true ? ['changed; the value is not shown'] : []),
    ...(origin === 'drift' ? ['already drifted'] : []),
    ...(origin === 'both' ? ['had drifted as well'] : []),
    ...(origin === 'settled' ? ['the cluster has it already'] : []),
  ]
  return words.join('; ')
}

/** The lines of one field: what was, and what would be. */
export function valueLines({ before, after, isHidden }: FieldDifference): readonly Line[] {
  if (isHidden === true) return []
  return diffLines(before ?? '', after ?? '', { hasBefore: before !== undefined, hasAfter: after !== undefined })
}

const verbs: { readonly [action in PlannedObject['action']]: string } = {
  create: 'create',
  change: 'change',
  replace: 'replace',
  delete: 'delete',
  move: 'move',
  refuse: 'refused',
  skip: 'skip',
  keep: 'keep',
}

/** `change`, or what it is where the cluster alone has moved. */
export function actionWord({ action, origin }: PlannedObject): string {
  return origin === 'drift' && action !== 'delete' ? `${verbs[action]} (drift)` : verbs[action]
}
