import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import {
  gvkOf,
  isMap,
  objectIdKey,
  objectIdOf,
  type FieldStep,
  type KubeObject,
  type KubeValue,
} from '../resources/index.ts'
import { printYaml } from '../yaml/index.ts'
import type { ObjectRef } from './document.ts'
import { isHiddenField } from './hidden.ts'
import { refOf } from './object.ts'
import { reveal } from './raw.ts'
import { hiddenText, scrub, scrubLines } from './scrub.ts'
import { brand, type Shown } from './shown.ts'
import { fieldKey, isTainted, taintOf, type Rendered, type Taint } from './taint.ts'

/** One object of one side as YAML that may be shown to whoever may see the plan. */
export interface ShownManifest {
  readonly ref: ObjectRef
  /** With sorted keys, as sigs.k8s.io/yaml prints them. @throws EngineError `yaml-unprintable` where it has letters that YAML cannot carry. */
  readonly print: () => Shown
}

/** What keeps marks apart from the other things that the key makes. */
const purpose = 'sluice manifest mark\n'
/** Hex digits of a mark: enough to see that something changed. */
const markDigits = 8
const maxNameLength = 300

/**
 * A whole object as a plan may show it: what is hidden in plans is hidden here, and texts that look like secrets are taken out.
 *
 * In place of a hidden value stands `(hidden 1a2b3c4d)`. The digits are keyed and say nothing but whether the value at this very place is another one than before, as a plan does: they are made of the rendering that has not
 * seen secrets, and no two places have the same.
 *
 * @param place Names where the object is from: cluster and application.
 */
export function showManifest(rendered: Rendered, key: Uint8Array, place: readonly string[]): ShownManifest {
  const object = reveal(rendered.object)
  const ref = refOf(object, { base: undefined, head: rendered })
  const taint = taintOf(rendered)
  const id = objectIdKey(objectIdOf(object))
  const mark = (steps: readonly FieldStep[], value: KubeValue): string =>
    markOf(key, [...place, id, ...keysOf(steps)], value)
  return {
    ref,
    print: () => {
      const shown = taint.isTotal ? bare(object) : show(object, [], { type: gvkOf(object), taint, mark })
      return brand(printYaml(shown, { dialect: 'sigs' }))
    },
  }
}

interface Showing {
  readonly type: { readonly group: string; readonly kind: string }
  readonly taint: Taint
  readonly mark: (steps: readonly FieldStep[], value: KubeValue) => string
}

function show(value: KubeValue, steps: readonly FieldStep[], showing: Showing): KubeValue {
  const { taint, type, mark } = showing
  if (isTainted(taint, steps)) return mark(steps, value)
  if (Array.isArray(value)) return value.map((item, index) => show(item, [...steps, { item, index }], showing))
  if (isMap(value))
    return Object.fromEntries(
      Object.entries(value).map(([field, one]) => {
        const here = [...steps, { field }]
        const isNameHidden = taint.names.has(fieldKey(here))
        return [isNameHidden ? mark(here, field) : scrub(field, maxNameLength), show(one, here, showing)]
      }),
    )
  // Names of fields below a hidden one are shown, as in the paths of a plan.
  if (isHiddenField(type, steps)) return value === null || value === '' ? value : mark(steps, value)
  return typeof value === 'string' ? scrubLines(value, (cut) => mark(steps, cut)) : value
}

/** Nothing is known of it but what it is. */
function bare(object: KubeObject): KubeObject {
  const { kind, apiVersion } = object
  return {
    ...(apiVersion === undefined ? {} : { apiVersion }),
    ...(kind === undefined ? {} : { kind }),
    metadata: { name: hiddenText },
  }
}

/** Unlike places of a plan, items without a name have their position: two hidden values of a list are not to be compared with each other. */
function keysOf(steps: readonly FieldStep[]): readonly string[] {
  return steps.map((step) => ('field' in step ? step.field : `${fieldKey([step])}${step.index}`))
}

function markOf(key: Uint8Array, place: readonly string[], value: KubeValue): string {
  const text = printYaml(value, { dialect: 'sigs' })
  const digest = hmac(sha256, key, utf8ToBytes(`${purpose}${JSON.stringify(place)}\n${text}`))
  return `(hidden ${bytesToHex(digest).slice(0, markDigits)})`
}
