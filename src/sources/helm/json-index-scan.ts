import { InvalidIndexError, type ScannedIndex } from './index-scan.ts'

const quote = 34
const backslash = 92

/**
 * Reads an index that is JSON (which tools write too) byte by byte, holding nothing but the lists of the wanted charts. What it holds is parsed as JSON afterwards, so only brackets and texts
 * have to be understood here.
 */
export class JsonIndexScanner {
  readonly #wanted: ReadonlySet<string>
  readonly #maxEntriesBytes: number
  readonly #entries = new Map<string, string>()
  readonly #names = new Set<string>()
  /** Brackets that are open. */
  #depth = 0
  #inText = false
  #isEscaped = false
  /** Bytes of the text being read, at the depths where it may be a key. */
  #text: number[] = []
  #lastText = ''
  /** The key whose value is being read, at depth 1 and 2. */
  readonly #keys = ['', '', '']
  #isValue = false
  #capture: number[] | undefined
  #hasApiVersion = false
  #hasEntries = false

  constructor(wanted: ReadonlySet<string>, maxEntriesBytes: number) {
    this.#wanted = wanted
    this.#maxEntriesBytes = maxEntriesBytes
  }

  /** Takes the next bytes. @throws InvalidIndexError. */
  push(chunk: Uint8Array): void {
    for (const byte of chunk) {
      if (this.#capture !== undefined) {
        if (this.#capture.push(byte) > this.#maxEntriesBytes)
          throw new InvalidIndexError('the entries of the wanted charts are larger than the limit')
      }
      if (this.#inText) this.#textByte(byte)
      else this.#byte(byte)
    }
  }

  /** Ends the scan. @throws InvalidIndexError. */
  finish(): ScannedIndex {
    if (this.#depth !== 0 || this.#inText) throw new InvalidIndexError('the JSON ends too early')
    return {
      hasApiVersion: this.#hasApiVersion,
      hasEntries: this.#hasEntries,
      chartCount: this.#names.size,
      entries: this.#entries,
    }
  }

  #textByte(byte: number): void {
    if (this.#isEscaped) this.#isEscaped = false
    else if (byte === backslash) this.#isEscaped = true
    else if (byte === quote) {
      this.#inText = false
      if (this.#depth <= 2) this.#lastText = this.#decode()
      if (this.#depth === 1 && this.#isValue && this.#keys[1] === 'apiVersion')
        this.#hasApiVersion = this.#lastText !== ''
      return
    }
    if (this.#depth <= 2) this.#text.push(byte)
  }

  #decode(): string {
    try {
      return JSON.parse(`"${new TextDecoder().decode(new Uint8Array(this.#text))}"`) as string
    } catch {
      throw new InvalidIndexError('a text of the JSON is damaged')
    }
  }

  #byte(byte: number): void {
    switch (byte) {
      case quote:
        this.#inText = true
        this.#text = []
        return
      case 0x3a: // colon
        if (this.#depth <= 2) this.#startValue()
        return
      case 0x2c: // comma
        if (this.#depth <= 2) this.#endValue(1)
        return
      case 0x5b:
      case 0x7b:
        this.#depth++
        this.#isValue = false
        return
      case 0x5d:
      case 0x7d:
        if (this.#depth === 2) this.#endValue(1)
        if (--this.#depth < 0) throw new InvalidIndexError('brackets of the JSON do not match')
        return
      default:
    }
  }

  #startValue(): void {
    this.#isValue = true
    this.#keys[this.#depth] = this.#lastText
    if (this.#depth === 1 && this.#lastText === 'entries') this.#hasEntries = true
    if (this.#depth !== 2 || this.#keys[1] !== 'entries') return
    const name = this.#lastText
    this.#names.add(name)
    if (this.#wanted.has(name)) this.#capture = []
  }

  /** The last `surplus` bytes of what was captured belong to what follows the value. */
  #endValue(surplus: number): void {
    this.#isValue = false
    if (this.#capture === undefined) return
    const bytes = new Uint8Array(this.#capture.slice(0, this.#capture.length - surplus))
    this.#entries.set(this.#keys[2] ?? '', new TextDecoder().decode(bytes))
    this.#capture = undefined
  }
}
