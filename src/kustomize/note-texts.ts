import { isMap, type KubeMap, type KubeValue, noteSourceText, scalarText } from '../resources/index.ts'

/**
 * Notes the texts of scalars that kustomize tells apart though their values are the same: nulls that were written as nothing (a patch drops
 * such a field, an explicit null stays), and numbers in mappings whose values become text (`1.10`).
 */
export function noteTexts(
  value: KubeValue,
  text: string,
  lineOf: (path: readonly (string | number)[]) => number | undefined,
): void {
  let lines: readonly string[] | undefined
  const path: (string | number)[] = []
  const note = (map: KubeMap, key: string): void => {
    lines ??= text.split('\n')
    const line = lineOf(path)
    const written = line === undefined ? undefined : writtenText(lines[line - 1] ?? '', key)
    if (written !== undefined && written !== scalarText(map[key])) noteSourceText(map, key, written)
  }
  const walk = (current: KubeValue, isText: boolean): void => {
    if (Array.isArray(current)) {
      current.forEach((item, index) => {
        if (typeof item !== 'object' || item === null) return
        path.push(index)
        walk(item, false)
        path.pop()
      })
    } else if (isMap(current)) {
      for (const key of Object.keys(current)) {
        const item = current[key]
        const isScalar = item === null || typeof item === 'number' || typeof item === 'boolean'
        if (!isScalar && typeof item !== 'object') continue
        path.push(key)
        if (item === null || (isScalar && isText)) note(current, key)
        else if (!isScalar) walk(item as KubeValue, TEXT_MAPS.has(key))
        path.pop()
      }
    }
  }
  walk(value, false)
}

/** Mappings of texts. */
const TEXT_MAPS: ReadonlySet<string> = new Set(['annotations', 'labels', 'data', 'binaryData'])

/** The plain text behind `key:` in a line; undefined where the line holds no such key, or the value is not plain. */
export function writtenText(line: string, key: string): string | undefined {
  for (const name of [key, `"${key}"`, `'${key}'`]) {
    const at = line.indexOf(`${name}:`)
    if (at < 0 || /[\w.\-/"']/.test(line[at - 1] ?? ' ')) continue
    const rest = line.slice(at + name.length + 1)
    if (rest !== '' && !/^[\s,}]/.test(rest)) continue
    const plain = /^\s*([^\s,#{}[\]"'&*!|>]*)\s*(?:$|[,}]|\s#)/.exec(rest)
    return plain?.[1]
  }
  return undefined
}
