/** The parts one after the other in one buffer. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Reads parts until they end. Throws what `tooLarge` makes as soon as there are more than `maxBytes`; nothing further is read then. */
export async function collectBytes(
  parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  maxBytes: number,
  tooLarge: () => Error,
): Promise<Uint8Array<ArrayBuffer>> {
  const collected: Uint8Array[] = []
  let total = 0
  for await (const part of parts) {
    total += part.length
    if (total > maxBytes) throw tooLarge()
    collected.push(part)
  }
  return concatBytes(collected)
}
