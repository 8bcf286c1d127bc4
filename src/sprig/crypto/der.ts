import { concatBytes } from '../../base/index.ts'
/** ASN.1 DER: what keys and certificates need of it. */

export const SEQUENCE = 0x30
export const SET = 0x31
export const INTEGER = 0x02
export const BIT_STRING = 0x03
export const OCTET_STRING = 0x04
export const OID = 0x06
export const UTF8_STRING = 0x0c
export const PRINTABLE_STRING = 0x13
export const UTC_TIME = 0x17
export const GENERALIZED_TIME = 0x18

/** Joins byte strings. */
export function joinBytes(...parts: readonly Uint8Array[]): Uint8Array {
  return concatBytes(parts)
}

/** One element: tag, length, content. */
export function element(tag: number, ...content: readonly Uint8Array[]): Uint8Array {
  const body = joinBytes(...content)
  const { length } = body
  if (length < 0x80) return joinBytes(Uint8Array.of(tag, length), body)
  const size: number[] = []
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) size.unshift(rest % 256)
  return joinBytes(Uint8Array.of(tag, 0x80 | size.length, ...size), body)
}

export function sequence(...content: readonly Uint8Array[]): Uint8Array {
  return element(SEQUENCE, ...content)
}

/** A non-negative number as big-endian bytes, at least `length` of them. */
export function toBigEndian(value: bigint, length = 0): Uint8Array {
  let hex = value.toString(16)
  if (hex.length % 2 === 1) hex = `0${hex}`
  const bytes = Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
  return bytes.length >= length ? bytes : joinBytes(new Uint8Array(length - bytes.length), bytes)
}

export function fromBigEndian(bytes: Uint8Array): bigint {
  let hex = '0'
  for (const byte of bytes) hex += byte.toString(16).padStart(2, '0')
  return BigInt(`0x${hex}`)
}

/** A non-negative INTEGER. */
export function integer(value: bigint): Uint8Array {
  const bytes = toBigEndian(value)
  return bytes[0]! >= 0x80 ? element(INTEGER, Uint8Array.of(0), bytes) : element(INTEGER, bytes)
}

/** A BIT STRING of whole bytes. */
export function bitString(bytes: Uint8Array): Uint8Array {
  return element(BIT_STRING, Uint8Array.of(0), bytes)
}

/** An OBJECT IDENTIFIER from its dotted form. */
export function objectId(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const bytes: number[] = []
  for (const part of [first * 40 + second, ...rest]) {
    const septets = [part % 128]
    for (let high = Math.floor(part / 128); high > 0; high = Math.floor(high / 128))
      septets.unshift(0x80 | (high % 128))
    bytes.push(...septets)
  }
  return element(OID, Uint8Array.from(bytes))
}

/** NULL. */
export function nullElement(): Uint8Array {
  return Uint8Array.of(5, 0)
}

/** An element that was read: `raw` is all of it, `content` what is inside. */
export interface DerNode {
  readonly tag: number
  readonly content: Uint8Array
  readonly raw: Uint8Array
}

/** Malformed DER. The caller says of what. */
export class DerFault {
  readonly message: string

  constructor(message: string) {
    this.message = message
  }
}

/** The elements that `bytes` consist of. Throws {@link DerFault}. */
export function readElements(bytes: Uint8Array): DerNode[] {
  const nodes: DerNode[] = []
  for (let at = 0; at < bytes.length;) {
    const node = readElement(bytes, at)
    nodes.push(node)
    at += node.raw.length
  }
  return nodes
}

function readElement(bytes: Uint8Array, at: number): DerNode {
  const [tag, first] = [bytes[at], bytes[at + 1]]
  if (tag === undefined || first === undefined) throw new DerFault('asn1: syntax error: truncated tag or length')
  let start = at + 2
  let length = first
  if (first >= 0x80) {
    const count = first & 0x7f
    if (count === 0 || count > 4) throw new DerFault('asn1: structure error: length too large')
    length = 0
    for (let i = 0; i < count; i++) length = length * 256 + (bytes[start + i] ?? 0)
    start += count
  }
  const end = start + length
  if (end > bytes.length) throw new DerFault('asn1: syntax error: data truncated')
  return { tag, content: bytes.subarray(start, end), raw: bytes.subarray(at, end) }
}

/** The elements inside the one SEQUENCE that `bytes` are. Throws {@link DerFault}. */
export function readSequence(bytes: Uint8Array): DerNode[] {
  const nodes = readElements(bytes)
  const [only] = nodes
  if (only === undefined || only.tag !== SEQUENCE) throw new DerFault("asn1: structure error: tags don't match")
  if (nodes.length > 1) throw new DerFault('asn1: syntax error: trailing data')
  return readElements(only.content)
}

/** The value of an INTEGER at `i`. Throws {@link DerFault}. */
export function integerAt(nodes: readonly DerNode[], i: number): bigint {
  const node = nodes[i]
  if (node?.tag !== INTEGER) throw new DerFault('asn1: structure error: integer expected')
  return fromBigEndian(node.content)
}

/** The dotted form of an OBJECT IDENTIFIER, or undefined for anything else. */
export function dottedId(node: DerNode | undefined): string | undefined {
  if (node?.tag !== OID) return undefined
  const parts: number[] = []
  let value = 0
  for (const byte of node.content) {
    value = value * 128 + (byte & 0x7f)
    if (byte < 0x80) {
      parts.push(value)
      value = 0
    }
  }
  const [first = 0, ...rest] = parts
  const top = Math.min(Math.floor(first / 40), 2)
  return [top, first - top * 40, ...rest].join('.')
}
