import { formatJsonNumber, printJson } from '../../yaml/index.ts'
import { toBase64 } from '../encoding.ts'
import { secretsError } from '../errors.ts'
import { SopsBranch, SopsComment, SopsTime, entryOf, type SopsValue } from '../tree.ts'
import { parseJsonBranch } from './json-text.ts'
import { extractMetadata, fileText } from './metadata-entry.ts'
import type { Store } from './store.ts'

/** JSON files, indented with tabs as sops writes them. */
export const jsonStore: Store = {
  load: (content) => extractMetadata([parseJsonBranch(fileText(content))]),
  emit: (branches) => new TextEncoder().encode(`${printValue(branches[0] ?? new SopsBranch(), '')}\n`),
}

/** Any content as the string `data` of a JSON object. */
export const binaryStore: Store = {
  load: (content) => jsonStore.load(content),
  emit: (branches) => {
    const data = branches[0] === undefined ? undefined : entryOf(branches[0], 'data')
    if (typeof data === 'string') return new TextEncoder().encode(data)
    if (data instanceof Uint8Array) return new Uint8Array(data)
    throw secretsError('sops-bad-file', "the file has no 'data' with its content; name its format by its extension")
  },
}

function printValue(value: SopsValue, pad: string): string {
  const inner = `${pad}\t`
  if (value instanceof SopsBranch) {
    const entries = value.entries.flatMap(({ key, value: item }) =>
      typeof key === 'string' ? [`${inner}${printJson(key)}: ${printValue(item, inner)}`] : [],
    )
    return entries.length === 0 ? '{}' : `{\n${entries.join(',\n')}\n${pad}}`
  }
  if (Array.isArray(value)) {
    const items = value.flatMap((item) => (item instanceof SopsComment ? [] : [inner + printValue(item, inner)]))
    return items.length === 0 ? '[]' : `[\n${items.join(',\n')}\n${pad}]`
  }
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw secretsError('sops-bad-file', 'JSON has no form for infinities and NaN')
    return formatJsonNumber(value)
  }
  if (value instanceof Uint8Array) return printJson(toBase64(value))
  if (value instanceof SopsTime || value instanceof SopsComment) return printJson(value.text)
  return printJson(value)
}
