import { isEngineError } from '../../base/index.ts'
import {
  isTimestamp,
  printCommented,
  readCommented,
  resolveScalar,
  type CommentedNode,
  type CommentedScalar,
  type PrintedNode,
} from '../../yaml/index.ts'
import { fromBase64, toBase64, utf8Text } from '../encoding.ts'
import { secretsError } from '../errors.ts'
import { SopsBranch, SopsComment, SopsTime, type SopsEntry, type SopsValue } from '../tree.ts'
import { extractMetadata, fileText } from './metadata-entry.ts'
import type { Store } from './store.ts'

/** YAML files of one or more documents, with comments; written as sops writes them, four columns a level. */
export const yamlStore: Store = {
  load: (content) => {
    try {
      const text = fileText(content).replace(/^\ufeff/, '')
      return extractMetadata(readCommented(text).map(toBranch))
    } catch (error) {
      if (!isEngineError(error) || error.code.startsWith('sops-')) throw error
      throw secretsError('sops-bad-file', `the YAML cannot be read: ${error.message}`)
    }
  },
  emit: (branches) => new TextEncoder().encode(printCommented(branches.map(toPrinted))),
}

function toBranch(node: CommentedNode | undefined): SopsBranch {
  if (node === undefined) return new SopsBranch()
  const value = toValue(node)
  if (value instanceof SopsBranch) return value
  if (value === null) return new SopsBranch()
  throw secretsError('sops-bad-file', 'a YAML document is no mapping, and SOPS encrypts only mappings')
}

function toValue(node: CommentedNode): SopsValue {
  switch (node.kind) {
    case 'scalar':
      return scalarValue(node)
    case 'sequence':
      return node.items.map((item) =>
        item.kind === 'comment' ? new SopsComment(item.text, item.inline) : toValue(item),
      )
    case 'mapping':
      return new SopsBranch(
        node.entries.map((entry): SopsEntry =>
          entry.kind === 'comment'
            ? { key: new SopsComment(entry.text, entry.inline), value: null }
            : { key: entry.key.text, value: toValue(entry.value) },
        ),
      )
  }
}

/** A scalar with Go's types (go-yaml v3, decode of a node): integers and floats are different things here. */
function scalarValue(node: CommentedScalar): SopsValue {
  const { text } = node
  const tag = node.tag.replace(/^!<tag:yaml\.org,2002:(.*)>$/, '!!$1')
  if (tag === '!!binary') {
    const bytes = fromBase64(text.replaceAll(/[ \n]/g, ''))
    if (bytes === undefined) throw secretsError('sops-bad-file', 'a value tagged !!binary is no base64')
    return utf8Text(bytes) ?? bytes
  }
  if (tag === '!!str' || tag === '!' || (tag === '' && !node.plain)) return text
  const value = resolveScalar(text, 'kyaml')
  if (typeof value === 'number') {
    if (tag === '!!float' || !isInteger(text)) return value
    return BigInt(value)
  }
  if (typeof value === 'string' && isTimestamp(text)) return new SopsTime(value)
  return value
}

function isInteger(text: string): boolean {
  return /^[-+]?(?:[0-9][0-9_]*|0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+)$/.test(text)
}

function toPrinted(value: SopsValue): PrintedNode {
  if (value instanceof SopsBranch) {
    return {
      kind: 'mapping',
      entries: value.entries.map(({ key, value: item }) =>
        typeof key === 'string' ? { key, value: toPrinted(item) } : { comment: key.text, inline: key.inline },
      ),
    }
  }
  if (Array.isArray(value)) {
    return {
      kind: 'sequence',
      items: value.map((item) =>
        item instanceof SopsComment ? { comment: item.text, inline: item.inline } : toPrinted(item),
      ),
    }
  }
  if (value instanceof SopsTime) return { kind: 'verbatim', text: value.text }
  if (value instanceof Uint8Array) return { kind: 'verbatim', text: `!!binary ${toBase64(value)}` }
  if (value instanceof SopsComment) return { kind: 'scalar', value: value.text }
  return { kind: 'scalar', value }
}
