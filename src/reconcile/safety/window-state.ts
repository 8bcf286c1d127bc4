import { ownAnnotations } from '../../api/index.ts'
import { toEngineError } from '../../base/index.ts'
import { createWindow, parseWindows, type Window, type WindowRule, type WindowTarget } from './windows.ts'

/** A window that is about an object, as it is at a moment, for people. */
export interface WindowState {
  readonly name: string
  readonly kind: 'allow' | 'deny'
  readonly isOpen: boolean
  /** Why it cannot be read; then it holds the object. */
  readonly problem?: string
}

/** The windows that are about an object: those of the deployment, and those of its annotation (`own`). Pure; `now` is milliseconds since 1970. */
export function windowStates(
  rules: readonly WindowRule[],
  target: WindowTarget,
  own: string | undefined,
  now: number,
): readonly WindowState[] {
  const told = ({ name, kind, schedule }: Window): WindowState => ({
    name,
    kind,
    isOpen: schedule.spans(now, now + 1).length > 0,
  })
  const deployment = rules
    .map(createWindow)
    .filter((window) => window.matches(target))
    .map(told)
  try {
    return [...deployment, ...(own === undefined ? [] : parseWindows(own).map(told))]
  } catch (caught) {
    const problem = `annotation ${ownAnnotations.windows}: ${toEngineError(caught).message}`
    return [...deployment, { name: '', kind: 'deny', isOpen: true, problem }]
  }
}
