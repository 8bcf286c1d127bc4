import { isEngineError } from '../../base/index.ts'
import { copyValue, isMap, type KubeMap, type KubeValue, scalarText } from '../../resources/index.ts'
import { parseDocuments, printYaml } from '../../yaml/index.ts'
import { goJson } from '../hash.ts'
import { matchFields } from '../lookup.ts'
import { retype } from '../scalar.ts'
import { elementTest } from './element-test.ts'
import { readSlot, writeSlot } from './field-spec.ts'
import type { SourceValue } from './replacements.ts'

/**
 * Replaces a value inside a text that is itself YAML or JSON, such as a file in a ConfigMap. Undefined where the text holds no such field.
 * JSON is printed with sorted keys, indented where it was; YAML keeps its order, not its comments.
 */
export function replaceInText(
  text: string,
  parts: readonly string[],
  source: SourceValue,
  create: 'scalar' | 'mapping' | 'list' | undefined,
): string | undefined {
  const { documents, diagnostics } = parseDocuments(text, { dialect: 'kyaml', file: '' })
  const root = documents[0]?.value as KubeValue | undefined
  if (diagnostics.some((one) => one.severity === 'error') || !(isMap(root) || Array.isArray(root))) return undefined
  const holder = root as KubeMap
  try {
    const matches = matchFields(holder, parts, create, elementTest)
    if (matches.length === 0) return undefined
    for (const match of matches) {
      const old = readSlot(match)
      const isScalar = old === null || typeof old !== 'object'
      const written = source.value === null ? '' : scalarText(source.value)
      writeSlot(match, !isScalar ? copyValue(source.value) : match.created ? written : retype(old, written))
    }
  } catch (error) {
    if (!isEngineError(error)) throw error
    return undefined
  }
  const first = text.trim()[0]
  if (first !== '{' && first !== '[') return printYaml(root, { dialect: 'kyaml' }).trim()
  if (!text.includes('\n') || !text.includes('  ')) return goJson(root)
  return JSON.stringify(JSON.parse(goJson(root)), undefined, 2)
}
