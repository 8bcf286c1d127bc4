import { RE2JS } from 're2js'
import { EngineError } from '../base/index.ts'
import type { IgnoreRule, Selector } from '../api/index.ts'
import {
  gvkOf,
  isMap,
  matchesLabels,
  nameOf,
  namespaceOf,
  parseJsonPointer,
  parseLabelSelector,
  type KubeObject,
} from '../resources/index.ts'

/** The JSON pointers whose differences do not matter for an object. */
export type IgnoredFields = (object: KubeObject) => readonly string[]

/**
 * Compiles rules of `spec.ignore` (Kustomization) or `driftDetection.ignore` (HelmRelease). A rule without a target is about every object; fields of a
 * target are anchored regular expressions, its two selectors are label selectors (kustomize's patch targets).
 *
 * @throws EngineError `ignore-rule-invalid` naming the rule.
 */
export function compileIgnoreRules(rules: readonly IgnoreRule[], field: string): IgnoredFields | undefined {
  if (rules.length === 0) return undefined
  const compiled = rules.map((rule, index) => {
    const at = `${field}[${index}]`
    for (const path of rule.paths)
      if (parseJsonPointer(path) === undefined || path === '')
        throw invalid(at, `'${path}' is no JSON pointer to a field; it must start with '/'`)
    return { paths: rule.paths, matches: rule.target === undefined ? () => true : compileTarget(rule.target, at) }
  })
  return (object) => compiled.filter((rule) => rule.matches(object)).flatMap((rule) => rule.paths)
}

function compileTarget(target: Selector, at: string): (object: KubeObject) => boolean {
  const pattern = (name: 'group' | 'version' | 'kind' | 'name' | 'namespace'): ((text: string) => boolean) => {
    const text = target[name]
    if (text === undefined || text === '') return () => true
    try {
      const compiled = RE2JS.compile(`^(?:${text})$`)
      return (value) => compiled.matcher(value).find()
    } catch {
      throw invalid(at, `target.${name}: '${text}' is no regular expression`)
    }
  }
  const selector = (name: 'labelSelector' | 'annotationSelector'): ((object: KubeObject) => boolean) => {
    const text = target[name]
    if (text === undefined || text === '') return () => true
    const part = name === 'labelSelector' ? 'labels' : 'annotations'
    const requirements = parseLabelSelector(text)
    return (object) => matchesLabels(requirements, textsOf(object, part))
  }
  const [group, version, kind, name, namespace] = [
    pattern('group'),
    pattern('version'),
    pattern('kind'),
    pattern('name'),
    pattern('namespace'),
  ]
  const [labels, annotations] = [selector('labelSelector'), selector('annotationSelector')]
  return (object) => {
    const gvk = gvkOf(object)
    return (
      group(gvk.group) &&
      version(gvk.version) &&
      kind(gvk.kind) &&
      name(nameOf(object)) &&
      namespace(namespaceOf(object)) &&
      labels(object) &&
      annotations(object)
    )
  }
}

function textsOf(object: KubeObject, part: 'labels' | 'annotations'): { readonly [key: string]: string } {
  const metadata = object['metadata']
  const map = isMap(metadata) ? metadata[part] : undefined
  if (!isMap(map)) return {}
  return Object.fromEntries(
    Object.entries(map).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}

function invalid(at: string, message: string): EngineError {
  return new EngineError(`${at}: ${message}`, { code: 'ignore-rule-invalid', reason: 'ReconciliationFailed' })
}
