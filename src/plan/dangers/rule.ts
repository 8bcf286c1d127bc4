import { isMap, type FieldStep, type KubeMap, type KubeObject, type KubeValue } from '../../resources/index.ts'
import type { ApplicationInput } from '../input.ts'
import { fieldAt } from '../immutable.ts'
import type { ObjectView } from '../object.ts'
import { showName } from '../redact.ts'
import { say, type Shown } from '../shown.ts'

/** Something that a rule found. */
export interface Finding {
  readonly message: Shown
  readonly object?: ObjectView
}

/** What a rule may look at: one application, and everything on its cluster. */
export interface RuleContext {
  readonly application: ApplicationInput
  /** All objects of the application, those that stay the same included. */
  readonly objects: readonly ObjectView[]
  /** Objects of all applications on the same cluster. */
  readonly cluster: readonly ObjectView[]
}

/** Pure: the same objects, the same findings. Texts of objects get into a message through the redaction of their object only. */
export type Rule = (context: RuleContext) => readonly Finding[]

/** A rule that looks at each object by itself, of those to which something happens. */
export function forEach(look: (view: ObjectView, context: RuleContext) => readonly Shown[]): Rule {
  return (context) =>
    context.objects
      .filter(({ action }) => !['unchanged', 'skip', 'keep'].includes(action))
      .flatMap((object) => look(object, context).map((message) => ({ message, object })))
}

/** The same for kinds, written `group/Kind`. */
export function forKinds(
  kinds: readonly string[],
  look: (view: ObjectView, context: RuleContext) => readonly Shown[],
): Rule {
  return forEach((view, context) => (kinds.includes(`${view.group}/${view.kind}`) ? look(view, context) : []))
}

/** A list at a path of fields; nothing where there is none. */
export function listAt(object: KubeObject | undefined, ...path: readonly string[]): readonly KubeValue[] {
  const value = fieldAt(object, ...path)
  return Array.isArray(value) ? value : []
}

/** The mappings of a list. */
export function mapsAt(object: KubeObject | undefined, ...path: readonly string[]): readonly KubeMap[] {
  return listAt(object, ...path).filter(isMap)
}

/** The texts of a list. */
export function textsAt(object: KubeObject | undefined, ...path: readonly string[]): readonly string[] {
  return listAt(object, ...path).filter((item) => typeof item === 'string')
}

/** A text at a path; '' where there is none. */
export function textAt(object: KubeObject | undefined, ...path: readonly string[]): string {
  const value = fieldAt(object, ...path)
  return typeof value === 'string' ? value : ''
}

/** A whole number at a path. */
export function numberAt(object: KubeObject | undefined, ...path: readonly string[]): number | undefined {
  const value = fieldAt(object, ...path)
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : undefined
}

/** A text of an object as it may be shown, at its place. */
export function shownAt(view: ObjectView, value: KubeValue, ...path: readonly (string | FieldStep)[]): Shown {
  return view.redaction.value(
    value,
    path.map((step) => (typeof step === 'string' ? { field: step } : step)),
  )
}

/** A name inside an object, such as a verb of a role; hidden where something below `path` has a part of a secret in it. */
export function shownName(view: ObjectView, name: string, ...path: readonly string[]): Shown {
  return view.redaction.hasHidden(path.map((field) => ({ field }))) ? say`(hidden)` : showName(name)
}
