import { secretsError } from '../errors.ts'
import { flattenedMetadata } from './flattened.ts'
import { fileText } from './metadata-entry.ts'
import { SopsBranch, SopsComment, scalarText } from '../tree.ts'
import type { Store } from './store.ts'

/** Dotenv files: `KEY=value` a line, line breaks as `\n`, metadata below keys that start with `sops_`. */
export const dotenvStore: Store = {
  load: (content) => {
    const values = new SopsBranch()
    const metadata = new SopsBranch()
    for (const [index, line] of fileText(content).split('\n').entries()) {
      if (line === '') continue
      if (line.startsWith('#')) {
        values.entries.push({ key: new SopsComment(line.slice(1)), value: null })
        continue
      }
      const equals = line.indexOf('=')
      if (equals < 0) throw secretsError('sops-bad-file', `line ${index + 1} is neither a comment nor KEY=value`)
      const key = line.slice(0, equals)
      const value = line.slice(equals + 1).replaceAll('\\n', '\n')
      if (key.startsWith('sops_')) metadata.entries.push({ key: key.slice('sops_'.length), value })
      else values.entries.push({ key, value })
    }
    return { branches: [values], metadata: flattenedMetadata(metadata) }
  },
  emit: (branches) => {
    const lines = (branches[0]?.entries ?? []).map(({ key, value }) => {
      if (key instanceof SopsComment) return `#${key.text.replaceAll(/[\r\n]+/g, ' ')}\n`
      if (value instanceof SopsBranch || Array.isArray(value))
        throw secretsError('sops-bad-file', `a dotenv file cannot hold the nested value of '${key}'`)
      return `${key}=${scalarText(value).replaceAll('\n', '\\n')}\n`
    })
    return new TextEncoder().encode(lines.join(''))
  },
}
