import { SignatureProblem } from '../errors.ts'

/** Attributes of a distinguished name by type: `C`, `ST`, `O`, `CN`, … */
export type DistinguishedName = ReadonlyMap<string, string>

const mandatory = Object.freeze(['C', 'ST', 'O'])

/**
 * Reads a distinguished name in the text form of RFC 4514 by the rules of the Notary Project (notation-go 1.3, internal/pkix): every type once, `S` meaning `ST`, none of several values, and `C`, `ST` and `O` present.
 *
 * @throws SignatureProblem.
 */
export function parseDistinguishedName(text: string): DistinguishedName {
  const named = `distinguished name (DN) ${JSON.stringify(text)}`
  if (text.includes('=#'))
    throw new SignatureProblem(
      `unsupported ${named}: notation does not support x509.subject identities containing "=#"`,
    )
  const parts = splitUnescaped(text, ',;')
  const attributes = parts.map((part): [string, string] => {
    if (splitUnescaped(part, '+').length > 1)
      throw new SignatureProblem(
        `${named} has multi-valued RDN attributes, remove multi-valued RDN attributes as they are not supported`,
      )
    const at = part.indexOf('=')
    const type = part.slice(0, Math.max(0, at)).trim()
    if (type === '')
      throw new SignatureProblem(
        `parsing ${named} failed. A valid DN must contain 'C', 'ST' or 'S', and 'O' RDN attributes at a minimum, and follow RFC 4514 standard`,
      )
    return [type, unescapeValue(part.slice(at + 1))]
  })
  return nameOf(attributes, named)
}

/** A distinguished name from its attributes. @throws SignatureProblem as {@link parseDistinguishedName}. */
export function nameOf(
  attributes: readonly (readonly [type: string, value: string])[],
  named: string,
): DistinguishedName {
  const name = new Map<string, string>()
  for (const [given, value] of attributes) {
    const type = given === 'S' ? 'ST' : given
    if (name.has(type))
      throw new SignatureProblem(
        `${named} has duplicate RDN attribute for ${JSON.stringify(type)}, DN can only have unique RDN attributes`,
      )
    name.set(type, value)
  }
  for (const type of mandatory) {
    if ((name.get(type) ?? '') !== '') continue
    throw new SignatureProblem(
      `${named} has no mandatory RDN attribute for "${type}", it must contain 'C', 'ST' or 'S', and 'O' RDN attributes at a minimum`,
    )
  }
  return name
}

/** True where every attribute of `wanted` has the same value in `name`. */
export function isSubsetName(wanted: DistinguishedName, name: DistinguishedName): boolean {
  return [...wanted].every(([type, value]) => name.get(type) === value)
}

function splitUnescaped(text: string, separators: string): string[] {
  const parts: string[] = []
  let part = ''
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i)
    if (char === '\\') part += char + text.charAt(++i)
    else if (separators.includes(char)) {
      parts.push(part)
      part = ''
    } else part += char
  }
  return [...parts, part]
}

/** `\,` and the like stand for the character, `\e4` for a byte of UTF-8. Blanks at the ends count only when they are escaped. */
function unescapeValue(text: string): string {
  const bytes: number[] = []
  const encoder = new TextEncoder()
  const trimmed = text.trimStart().replace(/(?<!\\) +$/, '')
  for (let i = 0; i < trimmed.length; i++) {
    const char = trimmed.charAt(i)
    const hex = trimmed.slice(i + 1, i + 3)
    if (char === '\\' && /^[0-9a-fA-F]{2}$/.test(hex)) {
      bytes.push(parseInt(hex, 16))
      i += 2
    } else if (char === '\\') bytes.push(...encoder.encode(trimmed.charAt(++i)))
    else {
      const point = String.fromCodePoint(trimmed.codePointAt(i) ?? 0)
      bytes.push(...encoder.encode(point))
      i += point.length - 1
    }
  }
  return new TextDecoder().decode(Uint8Array.from(bytes))
}
