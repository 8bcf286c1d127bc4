import { secretsError } from '../errors.ts'
import { SopsBranch, SopsComment, scalarText } from '../tree.ts'
import { flattenedMetadata } from './flattened.ts'
import { parseIni, printIni, type IniSection } from './ini-text.ts'
import { fileText } from './metadata-entry.ts'
import type { Store } from './store.ts'

/** INI files: one level of sections, the metadata flattened in the section `sops`. */
export const iniStore: Store = {
  load: (content) => {
    const sections = parseIni(fileText(content).replace(/^\ufeff/, ''))
    const metadata = new SopsBranch()
    const values = new SopsBranch()
    for (const section of sections) {
      if (section.name === 'sops') {
        for (const { name, value } of section.keys)
          metadata.entries.push({ key: name, value: value.replaceAll('\\n', '\n') })
      } else values.entries.push({ key: section.name, value: toBranch(section) })
    }
    return { branches: [values], metadata: flattenedMetadata(metadata) }
  },
  emit: (branches) => {
    const sections = (branches[0]?.entries ?? []).flatMap(({ key, value }) => {
      if (typeof key !== 'string') return []
      if (value instanceof SopsBranch) return [toSection(key, value)]
      throw secretsError('sops-bad-file', `an INI file cannot hold '${key}', which is in no section`)
    })
    return new TextEncoder().encode(printIni(sections))
  },
}

/** As sops has it, the comment above a key comes after it, and that of the section first. */
function toBranch(section: IniSection): SopsBranch {
  const branch = new SopsBranch()
  if (section.comment !== '')
    branch.entries.push({ key: new SopsComment(stripCommentMark(section.comment)), value: null })
  for (const { name, value, comment } of section.keys) {
    branch.entries.push({ key: name, value })
    if (comment !== '') branch.entries.push({ key: new SopsComment(stripCommentMark(comment)), value: null })
  }
  return branch
}

function toSection(name: string, branch: SopsBranch): IniSection {
  const keys: { name: string; value: string; comment: string }[] = []
  let sectionComment = ''
  for (const [index, { key, value }] of branch.entries.entries()) {
    if (key instanceof SopsComment) {
      const last = keys.at(-1)
      if (index === 0) sectionComment = key.text
      else if (last !== undefined) last.comment = key.text
      continue
    }
    if (value instanceof SopsBranch || Array.isArray(value))
      throw secretsError('sops-bad-file', `an INI file cannot hold the nested value of '${name}.${key}'`)
    const known = keys.find((one) => one.name === key)
    if (known === undefined) keys.push({ name: key, value: scalarText(value), comment: '' })
    else known.value = scalarText(value)
  }
  return { name, comment: sectionComment, keys }
}

function stripCommentMark(comment: string): string {
  if (comment.startsWith(';')) return comment.replace(/^[; ]+/, '')
  if (comment.startsWith('#')) return comment.replace(/^[# ]+/, '')
  return comment
}
