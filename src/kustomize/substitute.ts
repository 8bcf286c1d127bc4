import { EngineError } from '../base/index.ts'
import { formatObject, getKey, isMap, type KubeObject, type KubeValue, objectIdOf } from '../resources/index.ts'
import { parseDocuments, printYaml } from '../yaml/index.ts'
import { expandVariables } from './envsubst/expand.ts'

/** When and how variables are replaced. */
export interface SubstituteOptions {
  /** An undefined variable without a default is an error (kustomize-controller's StrictPostBuildSubstitutions, on since 1.9). */
  readonly strict: boolean
  /** `Always` also works on objects when there are no variables at all: `$$` collapses and defaults apply. */
  readonly strategy: 'WithVariables' | 'Always'
}

/** Label or annotation with the value `disabled` that exempts an object. */
const SWITCH = 'kustomize.toolkit.fluxcd.io/substitute'

const NAME = /^[_a-zA-Z][_a-zA-Z0-9]*$/

/**
 * Replaces `${…}` in an object as Flux does after a build (kustomize-controller 1.9, fluxcd/pkg kustomize and envsubst): the object is
 * printed as YAML, the text is expanded, and read again. So an unquoted number in a variable becomes a number, keys can be replaced, line
 * breaks in values are dropped, and `$$` becomes `$`. Returns a new object, or the same one where nothing applies.
 *
 * Throws EngineError `substitution-variable-name`, `substitution-syntax`, `substitution-variable-missing` and `substitution-result`.
 */
export function substitute(
  object: KubeObject,
  variables: ReadonlyMap<string, string> | { readonly [name: string]: string },
  options: SubstituteOptions,
): KubeObject {
  const known =
    variables instanceof Map ? (variables as ReadonlyMap<string, string>) : new Map(Object.entries(variables))
  if (known.size === 0 && options.strategy !== 'Always') return object
  if (isExempt(object)) return object
  for (const name of known.keys()) {
    if (NAME.test(name)) continue
    throw failure(
      'substitution-variable-name',
      object,
      `'${name}' var name is invalid, must match '${NAME.source}'; rename the key`,
    )
  }
  const text = printYaml(object, { dialect: 'sigs' })
  if (!text.includes('$')) return object
  const expanded = at(object, () =>
    expandVariables(text, (name) => {
      const value = known.get(name)
      return value === undefined ? (options.strict ? undefined : '') : value.replaceAll('\n', '')
    }),
  )
  const { documents, diagnostics } = parseDocuments(expanded, { dialect: 'sigs', file: '' })
  const value = documents[0]?.value as KubeValue | undefined
  const broken = diagnostics.find((one) => one.severity === 'error')
  if (broken !== undefined || !isMap(value ?? null)) {
    // What the parser says may quote a secret; the line is enough to find the place.
    const where = broken?.line === undefined ? '' : ` (line ${broken.line} of its YAML)`
    throw failure(
      'substitution-result',
      object,
      `the object is no valid YAML any more after variable substitution${where}; quote the value of the variable`,
    )
  }
  return value as KubeObject
}

function isExempt(object: KubeObject): boolean {
  const { metadata } = object
  if (!isMap(metadata)) return false
  return (['labels', 'annotations'] as const).some((field) => {
    const map = metadata[field]
    return isMap(map) && getKey(map, SWITCH) === 'disabled'
  })
}

function at<T>(object: KubeObject, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    throw failure(error.code, object, `variable substitution failed: ${error.message}`)
  }
}

function failure(code: string, object: KubeObject, message: string): EngineError {
  const name = formatObject(objectIdOf(object))
  return new EngineError(`${name}: ${message}`, { code, reason: 'BuildFailed', data: { object: name } })
}
