import { EngineError } from './errors.ts'

const MAX_VERSION_BYTES = 256
const MAX_CONSTRAINT_BYTES = 512
const MAX_GROUPS = 32
const MAX_SEGMENT = 0xffff_ffff_ffff_ffffn

/** A version by the rules of Masterminds/semver 3.5: one to three numbers, a leading `v` allowed, leading zeros read as if absent. */
export interface SemVer {
  readonly major: bigint
  readonly minor: bigint
  readonly patch: bigint
  /** Without its `-`; empty for a release. */
  readonly prerelease: string
  /** Build metadata without its `+`. It never counts in a comparison. */
  readonly metadata: string
  readonly original: string
}

// No group repeats inside another without a separator, so that matching is linear.
const TAIL = String.raw`(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?`
const versionSyntax = new RegExp(String.raw`^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?${TAIL}$`)

function invalid(message: string): EngineError {
  return new EngineError(message, { code: 'semver-invalid' })
}

/** Reads a version. Throws EngineError `semver-invalid` with the message of Masterminds/semver. */
export function parseVersion(text: string): SemVer {
  if (text.length > MAX_VERSION_BYTES) throw invalid(`version string is too long (max ${MAX_VERSION_BYTES} bytes)`)
  const parts = versionSyntax.exec(text)
  if (parts === null) throw invalid('invalid semantic version')
  const [, major, minor, patch, prerelease = '', metadata = ''] = parts
  if (prerelease.split('.').some((part) => /^0\d+$/.test(part))) throw invalid('version segment starts with 0')
  return {
    major: segment(major),
    minor: segment(minor),
    patch: segment(patch),
    prerelease,
    metadata,
    original: text,
  }
}

/** The version, or undefined where the text is none. */
export function tryParseVersion(text: string): SemVer | undefined {
  try {
    return parseVersion(text)
  } catch (error) {
    if (error instanceof EngineError && error.code === 'semver-invalid') return undefined
    throw error
  }
}

function segment(text: string | undefined): bigint {
  const value = BigInt(text ?? '0')
  if (value <= MAX_SEGMENT) return value
  throw invalid(`error parsing version segment: strconv.ParseUint: parsing "${text!}": value out of range`)
}

/** The version in full form: `1.2.0-rc.1+build`. */
export function printVersion(version: SemVer): string {
  const prerelease = version.prerelease === '' ? '' : `-${version.prerelease}`
  const metadata = version.metadata === '' ? '' : `+${version.metadata}`
  return `${version.major}.${version.minor}.${version.patch}${prerelease}${metadata}`
}

/** -1, 0 or 1. Build metadata is left out, so versions that differ only there are equal. */
export function compareVersions(a: SemVer, b: SemVer): number {
  for (const part of ['major', 'minor', 'patch'] as const) {
    if (a[part] !== b[part]) return a[part] < b[part] ? -1 : 1
  }
  if (a.prerelease === b.prerelease) return 0
  if (a.prerelease === '') return 1
  return b.prerelease === '' ? -1 : comparePrereleases(a.prerelease, b.prerelease)
}

function comparePrereleases(a: string, b: string): number {
  const left = a.split('.')
  const right = b.split('.')
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const order = comparePart(left[i] ?? '', right[i] ?? '')
    if (order !== 0) return order
  }
  return 0
}

/** Fewer parts come first, numbers before words, words by their bytes. */
function comparePart(a: string, b: string): number {
  if (a === b) return 0
  if (a === '') return -1
  if (b === '') return 1
  const [x, y] = [numberOf(a), numberOf(b)]
  if (x === undefined && y === undefined) return a > b ? 1 : -1
  if (y === undefined) return -1
  if (x === undefined) return 1
  return x > y ? 1 : -1
}

function numberOf(text: string): bigint | undefined {
  if (!/^\d+$/.test(text)) return undefined
  const value = BigInt(text)
  return value > MAX_SEGMENT ? undefined : value
}

type Operator = '' | '=' | '!=' | '>' | '<' | '>=' | '=>' | '<=' | '=<' | '~' | '~>' | '^'

/** One comparator. What the text left open (`1.x`, `1`) is 0 in `version` and marked. */
interface Comparator {
  readonly operator: Operator
  readonly version: SemVer
  /** Some part was left open. */
  readonly isPartial: boolean
  readonly isMinorOpen: boolean
  readonly isPatchOpen: boolean
}

/** A range: groups joined by `||`, of which one must hold; in a group every comparator must. */
export interface SemVerRange {
  readonly text: string
  readonly groups: readonly { readonly comparators: readonly Comparator[]; readonly admitsPrereleases: boolean }[]
}

const PLACE = String.raw`[0-9|xX*]+`
const RANGE_VERSION = String.raw`v?(${PLACE})(?:\.(${PLACE}))?(?:\.(${PLACE}))?${TAIL}`
const UNGROUPED = RANGE_VERSION.replaceAll(/\((?!\?)/g, '(?:')
const OPERATORS = String.raw`!=|>=|=>|<=|=<|~>|=|>|<|~|\^|`
const hyphenRange = new RegExp(String.raw`\s*(${UNGROUPED})\s+-\s+(${UNGROUPED})\s*`, 'g')
const oneComparator = new RegExp(String.raw`\s*(${OPERATORS})\s*${RANGE_VERSION}`, 'y')

/**
 * Reads a range such as `>=1.2 <2 || ^3.1`. Throws EngineError `semver-invalid` with the message of Masterminds/semver.
 * Commas and spaces both mean "and"; `a - b` means `>=a, <=b`; an empty text is `*`.
 */
export function parseRange(text: string): SemVerRange {
  if (text.length > MAX_CONSTRAINT_BYTES) {
    throw invalid(`constraint string is too long (max ${MAX_CONSTRAINT_BYTES} bytes)`)
  }
  const groups = text.replaceAll(hyphenRange, '>= $1, <= $2 ').split('||')
  if (groups.length > MAX_GROUPS) throw invalid(`too many constraint groups (max ${MAX_GROUPS})`)
  return {
    text,
    groups: groups.map((group) => {
      const comparators = parseGroup(group)
      return { comparators, admitsPrereleases: comparators.some((each) => each.version.prerelease !== '') }
    }),
  }
}

function improper(group: string): EngineError {
  return invalid(`improper constraint: ${JSON.stringify(group)}`)
}

function parseGroup(group: string): Comparator[] {
  const comparators: Comparator[] = []
  oneComparator.lastIndex = 0
  let at = 0
  while (at < group.length || comparators.length === 0) {
    if (comparators.length > 0) {
      const gap = /^(?:\s*,\s*|\s+)/.exec(group.slice(at))
      if (gap === null) throw improper(group)
      at += gap[0].length
      if (at === group.length && !gap[0].includes(',')) break
    }
    oneComparator.lastIndex = at
    const parts = oneComparator.exec(group)
    if (parts === null) throw improper(group)
    at += parts[0].length
    comparators.push(comparator(parts))
  }
  return comparators
}

function isOpen(part: string | undefined): boolean {
  return part === undefined || part === 'x' || part === 'X' || part === '*'
}

function comparator(parts: RegExpExecArray): Comparator {
  const [, operator, major, minor, patch, prerelease] = parts
  const tail = prerelease === undefined ? '' : `-${prerelease}`
  const isMajorOpen = isOpen(major)
  const isMinorOpen = !isMajorOpen && isOpen(minor)
  const isPatchOpen = !isMajorOpen && !isMinorOpen && isOpen(patch)
  const isPartial = isMajorOpen || isMinorOpen || isPatchOpen
  const numbers = isMajorOpen ? '0.0.0' : isMinorOpen ? `${major!}.0.0` : isPatchOpen ? `${major!}.${minor!}.0` : ''
  const full = isPartial ? numbers + tail : parts[0].trim().slice(operator!.length).trim()
  const version = tryParseVersion(full)
  if (version === undefined) throw invalid('constraint parser error')
  return { operator: operator as Operator, version, isPartial, isMinorOpen, isPatchOpen }
}

/**
 * Whether a version lies in a range. A pre-release lies only in groups in which some comparator names a pre-release; there is
 * no further condition on it (npm's rule of the same tuple does not exist here).
 */
export function satisfies(version: SemVer, range: SemVerRange): boolean {
  return range.groups.some(
    (group) =>
      (version.prerelease === '' || group.admitsPrereleases) && group.comparators.every((each) => holds(version, each)),
  )
}

function holds(v: SemVer, c: Comparator): boolean {
  switch (c.operator) {
    case '':
    case '=':
      return c.isPartial ? tilde(v, c) : compareVersions(v, c.version) === 0
    case '!=':
      return differs(v, c)
    case '>':
      return greater(v, c)
    case '<':
      return compareVersions(v, c.version) < 0
    case '>=':
    case '=>':
      return compareVersions(v, c.version) >= 0
    case '<=':
    case '=<':
      return atMost(v, c)
    case '~':
    case '~>':
      return tilde(v, c)
    case '^':
      return caret(v, c)
  }
}

/** `!=1.2.x` excludes the whole of 1.2; `!=*` is read as `!=0.0.0`. */
function differs(v: SemVer, c: Comparator): boolean {
  const { version } = c
  if (!c.isPartial) return compareVersions(v, version) !== 0
  if (v.major !== version.major) return true
  if (c.isMinorOpen) return false
  if (v.minor !== version.minor) return true
  if (!c.isPatchOpen) return v.patch !== version.patch || compareVersions(v, version) !== 0
  return v.prerelease !== version.prerelease
}

/** `>1` starts at 2.0.0, `>1.2` at 1.3.0. */
function greater(v: SemVer, c: Comparator): boolean {
  if (!c.isPartial) return compareVersions(v, c.version) > 0
  if (v.major !== c.version.major) return v.major > c.version.major
  if (c.isMinorOpen) return false
  return c.isPatchOpen ? v.minor > c.version.minor : compareVersions(v, c.version) > 0
}

/** `<=1.2` includes all of 1.2. */
function atMost(v: SemVer, c: Comparator): boolean {
  if (!c.isPartial) return compareVersions(v, c.version) <= 0
  if (v.major > c.version.major) return false
  return !(v.major === c.version.major && v.minor > c.version.minor && !c.isMinorOpen)
}

function tilde(v: SemVer, c: Comparator): boolean {
  const { version } = c
  if (compareVersions(v, version) < 0) return false
  const isZero = version.major === 0n && version.minor === 0n && version.patch === 0n
  // `~0.0.0` and `*` take everything from there on.
  if (isZero && !c.isMinorOpen && !c.isPatchOpen) return true
  return v.major === version.major && (v.minor === version.minor || c.isMinorOpen)
}

function caret(v: SemVer, c: Comparator): boolean {
  const { version } = c
  if (compareVersions(v, version) < 0) return false
  if (v.major !== version.major) return false
  if (version.major > 0n || c.isMinorOpen) return true
  if (v.minor !== version.minor) return false
  return version.minor > 0n || c.isPatchOpen || v.patch === version.patch
}
