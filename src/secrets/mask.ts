import { isMap, type KubeObject } from '../resources/index.ts'
import { isCovered, type CommentStack } from './covered.ts'
import { maxEncryptedFileSize, stores } from './decrypt.ts'
import { fromBranch, toBranch } from './decrypt-object.ts'
import { secretsError } from './errors.ts'
import type { SopsFormat } from './format.ts'
import { readMetadata, type CryptRule } from './metadata.ts'
import { extractMetadata } from './stores/metadata-entry.ts'
import { SopsBranch, SopsComment, scalarText, type SopsValue } from './tree.ts'

/** Says what stands where a value is encrypted: at these keys, with this text in the file. */
export type MaskValue = (path: readonly string[], encrypted: string) => string

/** How deep a file nests at most, as when it is decrypted. */
const maxDepth = 500

/**
 * A SOPS file as it would be decrypted, with other texts for its values: no key is needed, and nothing that was encrypted is in the result, nor of which type it was. What SOPS leaves in plain stays.
 *
 * @throws EngineError `sops-bad-file`, `sops-file-too-large`.
 */
export function maskFile(
  content: Uint8Array,
  options: { readonly format: SopsFormat; readonly outputFormat?: SopsFormat; readonly mask: MaskValue },
): Uint8Array<ArrayBuffer> {
  if (content.length > maxEncryptedFileSize)
    throw secretsError('sops-file-too-large', `an encrypted file has ${content.length} bytes; split it`)
  const { branches, metadata } = stores[options.format].load(content)
  maskBranches(branches, readMetadata(metadata).rule, options.mask)
  return stores[options.outputFormat ?? options.format].emit(branches)
}

/** The same for an object that SOPS encrypted as a whole. The object itself is not changed. */
export function maskJsonObject(object: KubeObject, mask: MaskValue): KubeObject {
  const { branches, metadata } = extractMetadata([toBranch(object)])
  maskBranches(branches, readMetadata(metadata).rule, mask)
  const result = fromBranch(branches[0] ?? new SopsBranch())
  return isMap(result) ? result : {}
}

function maskBranches(branches: readonly SopsBranch[], rule: CryptRule, mask: MaskValue): void {
  for (const [index, branch] of branches.entries())
    maskBranch(branch, { rule, mask: (path, text) => mask(index === 0 ? path : [`document ${index}`, ...path], text) })
}

interface Masking {
  readonly rule: CryptRule
  readonly mask: MaskValue
}

/** A place: `keys` as SOPS has them, in which items of a list have none, and `path` with their positions. */
interface Place {
  readonly keys: readonly string[]
  readonly path: readonly string[]
}

function maskBranch(
  branch: SopsBranch,
  masking: Masking,
  place: Place = { keys: [], path: [] },
  outer: CommentStack = [],
): void {
  if (place.path.length > maxDepth) throw secretsError('sops-bad-file', `the file nests deeper than ${maxDepth} levels`)
  const comments: string[] = []
  const stack = [...outer, comments]
  for (const entry of branch.entries) {
    if (entry.key instanceof SopsComment) {
      comments.push(entry.key.text)
      entry.key = maskComment(entry.key, masking, place, stack)
      continue
    }
    entry.value = maskValue(
      entry.value,
      masking,
      { keys: [...place.keys, entry.key], path: [...place.path, entry.key] },
      stack,
    )
    comments.length = 0
  }
}

function maskValue(value: SopsValue, masking: Masking, place: Place, stack: CommentStack): SopsValue {
  // What is null is never encrypted.
  if (value === null) return null
  if (value instanceof SopsBranch) {
    maskBranch(value, masking, place, stack)
    return value
  }
  if (!Array.isArray(value))
    return isCovered(masking.rule, place.keys, stack, false) ? masking.mask(place.path, scalarText(value)) : value
  if (place.path.length > maxDepth) throw secretsError('sops-bad-file', `the file nests deeper than ${maxDepth} levels`)
  const comments: string[] = []
  const inner = [...stack, comments]
  return value.map((item, index) => {
    if (item instanceof SopsComment) {
      comments.push(item.text)
      return maskComment(item, masking, place, inner)
    }
    const masked = maskValue(item, masking, { keys: place.keys, path: [...place.path, String(index)] }, inner)
    comments.length = 0
    return masked
  })
}

function maskComment(
  comment: SopsComment,
  { rule, mask }: Masking,
  { keys, path }: Place,
  stack: CommentStack,
): SopsComment {
  if (!isCovered(rule, keys, stack, true)) return comment
  return new SopsComment(mask([...path, '#'], comment.text), comment.inline)
}
