import { gvkOf, isMap, type FieldStep, type KubeObject, type KubeValue } from '../resources/index.ts'
import { printYaml } from '../yaml/index.ts'
import { isHiddenField } from './hidden.ts'
import { reveal, type Raw } from './raw.ts'
import { cut, hiddenText, plain, scrub } from './scrub.ts'
import { brand, type Shown } from './shown.ts'
import { fieldKey, isTainted, openOf, taintOf, valuesAt, type Rendered, type Taint } from './taint.ts'

/** Characters of one value that are shown. */
const maxValueLength = 4_000
/** Characters of a name, a path, a message. */
const maxNameLength = 300
const maxMessageLength = 2_000

/** Text that nobody wrote into Git: a default, a webhook's, a person's, a controller's. Any of it may be somebody's password. */
const foreignText = '(set in the cluster)'

/** Fields whose text says what runs and where, and is nobody's secret, wherever it comes from. */
const openFields: ReadonlySet<string> = new Set([
  'apiVersion',
  'clusterIP',
  'host',
  'image',
  'imagePullPolicy',
  'kind',
  'name',
  'namespace',
  'pathType',
  'protocol',
  'restartPolicy',
  'schedule',
  'serviceAccountName',
  'storage',
  'storageClassName',
  'targetPort',
  'type',
])

/** Shows parts of one object. */
export interface ObjectRedaction {
  /** True where a value is hidden, so that not even a comparison with the cluster may be told. */
  readonly isHidden: (steps: readonly FieldStep[]) => boolean
  /** The outermost place around a field that has something of a secret in it, or the field itself. */
  readonly placeOf: (steps: readonly FieldStep[]) => readonly FieldStep[]
  /** True where a value is hidden, or a part of it has something of a secret in it. */
  readonly hasHidden: (steps: readonly FieldStep[]) => boolean
  /** True for values that may be compared with the cluster: numbers, yes and no, and texts of fields that hold no secrets. */
  readonly isComparable: (value: KubeValue, steps: readonly FieldStep[]) => boolean
  /** A value as text: YAML for lists and mappings, hidden parts replaced. `side`: whose text it must be to be shown; default: of either. */
  readonly value: (value: KubeValue, steps: readonly FieldStep[], side?: 'before' | 'after') => Shown
  /** A copy for rules: what has something of a secret in it is the same everywhere, so that no finding depends on it. */
  readonly forRules: (object: KubeObject) => KubeObject
  /** `.spec.template.spec.containers[name="app"].image`. */
  readonly path: (steps: readonly FieldStep[]) => Shown
}

/**
 * How the values of one object are shown. A text is shown where everybody who reads the repository can read it (it is in the rendering without secrets, at this place, before or after the change), or where its
 * field is one that holds no secrets; numbers and yes and no are shown. Never shown: fields that are hidden by their name and what has something of a secret in it. None of this depends on what a secret is, so that an author
 * who tries values finds out nothing.
 */
export function redactObject(
  object: KubeObject,
  base: Rendered | undefined,
  head: Rendered | undefined,
): ObjectRedaction {
  const type = gvkOf(object)
  const taints = [taintOf(base), taintOf(head)]
  const opens = [openOf(base), openOf(head)]
  const isHidden = (steps: readonly FieldStep[]): boolean =>
    isHiddenField(type, steps) || taints.some((taint) => isTainted(taint, steps))
  const isComparable = (value: KubeValue, steps: readonly FieldStep[]): boolean => {
    const last = steps.at(-1)
    if (typeof value === 'object' && value !== null) return false
    return (
      typeof value !== 'string' ||
      (last !== undefined && 'field' in last && openFields.has(last.field) && !isFree(steps))
    )
  }
  const leaf = (
    value: KubeValue,
    steps: readonly FieldStep[],
    authors: readonly (KubeObject | undefined)[],
  ): KubeValue => {
    if (typeof value !== 'string') return value
    const isWritten = (): boolean => authors.some((open) => valuesAt(open, steps).includes(value))
    return isComparable(value, steps) || isWritten() ? scrub(value, maxValueLength) : foreignText
  }
  const mask = (
    value: KubeValue,
    steps: readonly FieldStep[],
    authors: readonly (KubeObject | undefined)[],
  ): KubeValue => {
    if (isHidden(steps)) return hiddenText
    if (Array.isArray(value)) return value.map((item, index) => mask(item, [...steps, { item, index }], authors))
    if (!isMap(value)) return leaf(value, steps, authors)
    return Object.fromEntries(
      Object.entries(value).map(([field, one]) => {
        const here = [...steps, { field }]
        const isNameHidden = taints.some(({ names }) => names.has(fieldKey(here)))
        return [isNameHidden ? hiddenText : scrub(field, maxNameLength), mask(one, here, authors)]
      }),
    )
  }
  return {
    isHidden,
    placeOf: (steps) => {
      const lengths = Array.from({ length: steps.length }, (_, length) => length)
      const end = lengths.find((length) => taints.some((taint) => isTainted(taint, steps.slice(0, length))))
      return end === undefined ? steps : steps.slice(0, end)
    },
    hasHidden: (steps) => {
      const key = fieldKey(steps)
      return isHidden(steps) || taints.some(({ fields }) => [...fields.keys()].some((one) => one.startsWith(key)))
    },
    isComparable,
    forRules: (given) => {
      if (taints.some(({ isTotal }) => isTotal)) return bare(given)
      if (taints.every(({ fields }) => fields.size === 0)) return given
      const masked = maskTainted(given, [], taints)
      return isMap(masked) ? masked : bare(given)
    },
    value: (value, steps, side) => {
      const authors = side === undefined ? opens : [opens[side === 'before' ? 0 : 1]]
      const masked = mask(value, steps, authors)
      const text = typeof masked === 'string' ? masked : printYaml(masked, { dialect: 'sigs' }).trimEnd()
      return brand(cut(text, maxValueLength))
    },
    path: (steps) => brand(pathText(steps, taints)),
  }
}

/** An object without anything but what it is. */
function bare(object: KubeObject): KubeObject {
  const { kind, apiVersion } = object
  return { ...(apiVersion === undefined ? {} : { apiVersion }), ...(kind === undefined ? {} : { kind }), metadata: {} }
}

function maskTainted(value: KubeValue, steps: readonly FieldStep[], taints: readonly Taint[]): KubeValue {
  if (taints.some((taint) => isTainted(taint, steps))) return hiddenText
  if (Array.isArray(value)) return value.map((item, index) => maskTainted(item, [...steps, { item, index }], taints))
  if (!isMap(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([field, one]) => [field, maskTainted(one, [...steps, { field }], taints)]),
  )
}

/** Free content has fields of any name. */
function isFree(steps: readonly FieldStep[]): boolean {
  return steps.some((step) => 'field' in step && ['annotations', 'data', 'stringData', 'values'].includes(step.field))
}

function pathText(steps: readonly FieldStep[], taints: readonly Taint[]): string {
  let text = ''
  steps.forEach((step, index) => {
    const key = fieldKey(steps.slice(0, index + 1))
    const isNameHidden = taints.some(({ names, isTotal }) => isTotal || names.has(key))
    if ('field' in step) {
      if (isNameHidden) text += `.${hiddenText}`
      else text += /^[A-Za-z_][\w-]*$/.test(step.field) ? `.${step.field}` : `[${JSON.stringify(step.field)}]`
      return
    }
    const name = isMap(step.item) ? step.item['name'] : undefined
    text += typeof name === 'string' && !isNameHidden ? `[name=${JSON.stringify(name)}]` : `[${step.index}]`
  })
  return text === '' ? '.' : scrub(text, maxNameLength)
}

/** A name, a file, a version, a URL: text of the repository or of the configuration, in which no secret is expected; credentials of URLs go. */
export function showName(text: string): Shown {
  return brand(scrub(text, maxNameLength).replaceAll(/\s+/g, ' '))
}

/**
 * A message of the engine or of an API server. What servers quote of an object is taken out; where secrets took part, everything that is quoted is. For a Secret only `instead` is left, since a server may
 * quote its content in ways that nobody foresees. `texts` are taken out wherever they stand, the first ones first.
 */
export function showMessage(
  message: Raw<string>,
  about: { readonly isSecret: boolean; readonly hasSecrets: boolean; readonly texts?: readonly string[] },
): Shown {
  if (about.isSecret) return brand('the message is not shown, because it may quote the Secret')
  let text = plain(reveal(message)).slice(0, maxMessageLength * 4)
  // field errors of API servers: `spec.x: Invalid value: "…": why`. What is quoted ends before the last `: `.
  text = text.replace(
    /((?:Invalid|Unsupported|Duplicate) value: )(?:"(?:[^"\\]|\\.)*"|.*(?=: )|[^\s:]+)/g,
    `$1${hiddenText}`,
  )
  for (const one of about.texts ?? []) text = text.replaceAll(one, hiddenText)
  if (about.hasSecrets) text = text.replace(/"(?:[^"\\]|\\.)*"?|'[^'\n]*'|`[^`\n]*`/g, hiddenText)
  return brand(scrub(text, maxMessageLength))
}
