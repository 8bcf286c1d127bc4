/** Go's integer kinds. A JS number stands for float64, so every integer is a {@link GoInt}. */
export type IntKind =
  'int' | 'int8' | 'int16' | 'int32' | 'int64' | 'uint' | 'uint8' | 'uint16' | 'uint32' | 'uint64' | 'uintptr'

const BITS: Readonly<Record<IntKind, number>> = {
  int: 64,
  int8: 8,
  int16: 16,
  int32: 32,
  int64: 64,
  uint: 64,
  uint8: 8,
  uint16: 16,
  uint32: 32,
  uint64: 64,
  uintptr: 64,
}

/** A defined integer type such as time.Duration: its name, and its String method where it has one. */
export interface DefinedInt {
  readonly name: string
  readonly toText?: (value: GoInt) => string
  readonly methods?: ReadonlyMap<string, unknown>
}

/** An immutable Go integer. `n` is a safe JS integer where that is exact, else a bigint. */
export class GoInt {
  readonly kind: IntKind
  readonly n: number | bigint
  readonly defined: DefinedInt | undefined

  /** Use {@link goInt}: the constructor does not wrap around or normalise. */
  constructor(kind: IntKind, n: number | bigint, defined?: DefinedInt) {
    this.kind = kind
    this.n = n
    this.defined = defined
  }

  /** The value as a JS number, rounded above 2^53. */
  toNumber(): number {
    return Number(this.n)
  }

  toBigInt(): bigint {
    return BigInt(this.n)
  }

  get isUnsigned(): boolean {
    return this.kind.startsWith('u')
  }

  /** The size of the kind in bits. */
  get bits(): number {
    return BITS[this.kind]
  }

  get typeName(): string {
    return this.defined?.name ?? this.kind
  }

  toString(): string {
    return String(this.n)
  }
}

/** An integer of the given kind; out of range wraps around, as Go's conversions do. `n` must be integral. */
export function goInt(n: number | bigint, kind: IntKind = 'int', defined?: DefinedInt): GoInt {
  return new GoInt(kind, wrap(n, kind), defined)
}

function wrap(n: number | bigint, kind: IntKind): number | bigint {
  const bits = BITS[kind]
  const unsigned = kind.charCodeAt(0) === 117
  if (typeof n === 'number') {
    if (Number.isSafeInteger(n)) {
      if (n === 0) return 0
      if (bits === 64 ? !unsigned || n >= 0 : n >= 0 && n < 2 ** (bits - 1)) return n
    }
    n = BigInt(n)
  }
  return shrink(unsigned ? BigInt.asUintN(bits, n) : BigInt.asIntN(bits, n))
}

function shrink(n: bigint): number | bigint {
  const small = Number(n)
  return Number.isSafeInteger(small) ? small : n
}

/** -1, 0 or 1 for two integers of any kinds, by value. */
export function compareInts(a: GoInt, b: GoInt): number {
  return a.n < b.n ? -1 : a.n > b.n ? 1 : 0
}

/** True if two integers have the same value, whatever their kinds. */
export function sameInt(a: GoInt, b: GoInt): boolean {
  return a.n === b.n
}

/** Go's float64 → int64 conversion as amd64 does it: out of range and NaN give the smallest int64. */
export function floatToInt64(f: number): number | bigint {
  if (!(f >= -(2 ** 63) && f < 2 ** 63)) return -(2n ** 63n)
  const whole = Math.trunc(f)
  return Number.isSafeInteger(whole) ? (whole === 0 ? 0 : whole) : BigInt(whole)
}
