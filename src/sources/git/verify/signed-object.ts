import { concatBytes } from '../../../base/index.ts'
import { gitDataError } from '../errors.ts'

/** A signature with the bytes that it is over. */
export interface SignedPayload {
  /** Armored text. */
  readonly signature: string
  readonly payload: Uint8Array
}

const newline = 0x0a

/**
 * The signature of a commit and the bytes it signs: the object without its `gpgsig` header (gitformat-signature). The header for the other hash (`gpgsig-sha256`) is not part of them either. Undefined for a commit
 * without one. Throws EngineError `git-bad-data` for more than one signature.
 */
export function splitSignedCommit(data: Uint8Array): SignedPayload | undefined {
  const kept: Uint8Array[] = []
  const signature: Uint8Array[] = []
  let header = ''
  let at = 0
  while (at < data.length) {
    const end = lineEnd(data, at)
    const line = data.subarray(at, end)
    if (line[0] === newline) break
    const isContinued = line[0] === 0x20
    if (!isContinued) {
      const next = nameOf(line)
      if (next === 'gpgsig' && signature.length > 0) throw gitDataError('a commit has more than one signature')
      header = next
    }
    if (header === 'gpgsig') signature.push(line.subarray(isContinued ? 1 : 'gpgsig '.length))
    else if (header !== 'gpgsig-sha256') kept.push(line)
    at = end
  }
  if (signature.length === 0) return undefined
  kept.push(data.subarray(at))
  return { signature: text(signature), payload: concatBytes(kept) }
}

/** The signature at the end of an annotated tag, from the last line that begins one, and the bytes before it. Undefined for a tag without one. */
export function splitSignedTag(data: Uint8Array): SignedPayload | undefined {
  let match = -1
  for (let at = 0; at < data.length; at = lineEnd(data, at)) {
    const start = new TextDecoder('latin1').decode(data.subarray(at, at + 40))
    if (/^-----BEGIN (PGP SIGNATURE|PGP MESSAGE|SSH SIGNATURE|SIGNED MESSAGE)-----/.test(start)) match = at
  }
  return match < 0 ? undefined : { signature: text([data.subarray(match)]), payload: data.subarray(0, match) }
}

/** Position after the end of the line that starts at `at`. */
function lineEnd(data: Uint8Array, at: number): number {
  const end = data.indexOf(newline, at)
  return end < 0 ? data.length : end + 1
}

function nameOf(line: Uint8Array): string {
  return new TextDecoder('latin1').decode(line.subarray(0, 20)).split(' ', 1)[0] ?? ''
}

function text(parts: readonly Uint8Array[]): string {
  return new TextDecoder('latin1').decode(concatBytes(parts))
}
