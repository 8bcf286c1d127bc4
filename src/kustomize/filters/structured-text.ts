import { isEngineError } from '../../base/index.ts'
import { copyValue, isMap, type KubeMap, type KubeValue, scalarText } from '../../resources/index.ts'
import { parseDocuments, printYaml } from '../../yaml/index.ts'
import { goJson } from '../hash.ts'
import { isIndex, matchFields } from '../lookup.ts'
import { retype } from '../scalar.ts'
import { elementTest } from './element-test.ts'
import { readSlot, writeSlot } from './field-spec.ts'
import type { SourceValue } from './replacements.ts'

/**
 * Replaces a value inside a text that is itself YAML or JSON, such as a file in a ConfigMap. Undefined where the text holds no such field.
 * JSON is printed with sorted keys, indented where it was. In YAML the one line is changed where the value is a scalar on it; anything else is
 * printed anew, without comments.
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
  const holder = root as KubeMap
  const isJson = /^\s*[{[]/.test(text)
  const edited = isJson ? undefined : editLine(text, documents[0]?.lineOf(parts.map(pathPart)), parts, source)
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
  if (!isJson) return edited ?? printYaml(root, { dialect: 'kyaml' }).trim()
  if (!text.includes('\n') || !text.includes('  ')) return goJson(root)
  return JSON.stringify(JSON.parse(goJson(root)), undefined, 2)
}

function pathPart(part: string): string | number {
  return isIndex(part) ? Number(part) : part
}

/** `key: value`, with what stands before and behind the value. */
const LINE =
  /^(\s*(?:- )*(?:[^\s"'#][^"'#]*|"[^"]*"|'[^']*'):\s+)([^\s#"'|>&*![{][^#]*?|"[^"\\]*"|'[^']*')(\s*|\s+#.*)$/

/** The text with the scalar on `line` replaced, in the quotes it had; undefined where it cannot be done on one line. */
function editLine(
  text: string,
  line: number | undefined,
  parts: readonly string[],
  source: SourceValue,
): string | undefined {
  if (line === undefined || isIndex(parts.at(-1) ?? '') || (typeof source.value === 'object' && source.value !== null))
    return undefined
  const lines = text.split('\n')
  const match = LINE.exec(lines[line - 1] ?? '')
  const written = source.value === null ? '' : scalarText(source.value)
  if (match === null || written.includes('\n')) return undefined
  const [, before = '', old = '', behind = ''] = match
  const quote = old[0] === '"' || old[0] === "'" ? old[0] : ''
  let value = written
  if (quote === '"') value = JSON.stringify(written)
  else if (quote === "'") value = `'${written.replaceAll("'", "''")}'`
  else if (!/^[A-Za-z0-9_./][A-Za-z0-9_./@+ -]*(?::[A-Za-z0-9_./@+-]+)*$/.test(written)) return undefined
  lines[line - 1] = before + value + behind
  return lines.join('\n').trim()
}
