import { isEngineError } from '../../base/index.ts'
import { copyValue, isMap, type KubeMap, type KubeValue, scalarText } from '../../resources/index.ts'
import { parseDocuments, printEdited, printYaml, readCommented, type YamlEdit } from '../../yaml/index.ts'
import { goJson } from '../hash.ts'
import { matchFields } from '../lookup.ts'
import { resolvePlain, retype } from '../scalar.ts'
import { elementTest } from './element-test.ts'
import { readSlot, writeSlot } from './field-spec.ts'
import type { SourceValue } from './replacements.ts'

/**
 * Replaces a value inside a text that is itself YAML or JSON, such as a file in a ConfigMap; of several documents, the first is what is left.
 * Undefined where the text holds no such field. JSON is printed with sorted keys, indented where it was; YAML with its comments and styles,
 * except where it has anchors or folded scalars: then it is printed anew.
 */
export function replaceInText(
  text: string,
  parts: readonly string[],
  source: SourceValue,
  create: 'scalar' | 'mapping' | 'list' | undefined,
): string | undefined {
  const { documents, diagnostics } = parseDocuments(text, { dialect: 'kyaml', file: '', first: true })
  const root = documents[0]?.value as KubeValue | undefined
  if (diagnostics.some((one) => one.severity === 'error') || !(isMap(root) || Array.isArray(root))) return undefined
  const isJson = /^\s*[{[]/.test(text)
  const edits = new Map<object, Map<string | number, YamlEdit>>()
  try {
    const matches = matchFields(root as KubeMap, parts, create, elementTest)
    if (matches.length === 0) return undefined
    for (const match of matches) {
      const old = readSlot(match)
      const isScalar = old === null || typeof old !== 'object'
      const written = source.value === null ? '' : scalarText(source.value)
      let value: KubeValue = copyValue(source.value)
      if (isScalar) value = match.created ? resolvePlain(written) : isJson ? retype(old, written) : written
      writeSlot(match, value)
      const known = edits.get(match.container) ?? new Map<string | number, YamlEdit>()
      edits.set(match.container, known.set(match.key, isScalar && !match.created ? { text: written } : 'replaced'))
    }
  } catch (error) {
    if (!isEngineError(error)) throw error
    return undefined
  }
  if (!isJson) return printChanged(text, root, edits)
  if (!text.includes('\n') || !text.includes('  ')) return goJson(root)
  return JSON.stringify(JSON.parse(goJson(root)), undefined, 2)
}

/** Anchors, aliases, merge keys, tags of collections and folded scalars, which the printer of changed documents does not keep. */
const NOT_KEPT = /![^\s]*\s*(?:$|[[{#])|(?:^|[\s,[{:-])[&*][^\s*&]|<<|(?:^|:|-)\s*(?:[!&]\S+\s+)*>[-+0-9]*\s*(?:#.*)?$/m

function printChanged(
  text: string,
  root: KubeValue,
  edits: ReadonlyMap<object, ReadonlyMap<string | number, YamlEdit>>,
): string {
  const node = NOT_KEPT.test(text) ? undefined : readCommented(text)[0]
  if (node === undefined) return printYaml(root, { dialect: 'kyaml' }).trim()
  return printEdited(node, root, (container, key) => edits.get(container)?.get(key)).trim()
}
