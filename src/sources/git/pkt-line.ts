import { concatBytes } from '../../base/index.ts'
import { gitDataError } from './errors.ts'

/** One unit of Git's wire format (gitprotocol-common, pkt-line; the special packets of protocol v2). */
export type Packet =
  { readonly kind: 'data'; readonly data: Uint8Array } | { readonly kind: 'flush' | 'delimiter' | 'end' }

/** Largest packet including its four digits of length. */
const maxPacket = 65520

/** Encodes a request: texts become packets (a newline is added), `flush` and `delimiter` the special packets. */
export function encodePackets(packets: readonly (string | { readonly special: 'flush' | 'delimiter' })[]): Uint8Array {
  const parts = packets.map((packet) => {
    if (typeof packet !== 'string') return packet.special === 'flush' ? '0000' : '0001'
    const length = new TextEncoder().encode(packet).length + 5
    if (length > maxPacket) throw gitDataError('a request line is too long')
    return `${length.toString(16).padStart(4, '0')}${packet}\n`
  })
  return new TextEncoder().encode(parts.join(''))
}

/**
 * Splits a stream into packets. A packet's data is a view that is valid until the next one is asked for, unless `source` gives fresh buffers.
 * Ends where the stream ends between two packets; throws EngineError `git-bad-data` where it ends inside one.
 */
export async function* readPackets(source: AsyncIterable<Uint8Array>): AsyncGenerator<Packet> {
  let pending: Uint8Array = new Uint8Array(0)
  for await (const chunk of source) {
    pending = pending.length === 0 ? chunk : concatBytes([pending, chunk])
    let at = 0
    for (;;) {
      if (pending.length - at < 4) break
      const length = readLength(pending, at)
      if (length < 4) {
        yield specialPacket(length)
        at += 4
        continue
      }
      if (pending.length - at < length) break
      yield { kind: 'data', data: pending.subarray(at + 4, at + length) }
      at += length
    }
    pending = pending.subarray(at)
  }
  if (pending.length > 0) throw gitDataError('the answer was cut off on the way')
}

/** A data packet as text without the newline at its end. */
export function packetText(data: Uint8Array): string {
  return new TextDecoder().decode(data).replace(/\n$/, '')
}

function readLength(bytes: Uint8Array, at: number): number {
  const digits = String.fromCharCode(...bytes.subarray(at, at + 4))
  if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw gitDataError('the answer does not speak the Git protocol')
  return Number.parseInt(digits, 16)
}

function specialPacket(length: number): Packet {
  if (length === 0) return { kind: 'flush' }
  if (length === 1) return { kind: 'delimiter' }
  if (length === 2) return { kind: 'end' }
  throw gitDataError('the answer has a packet of impossible length')
}
