import {
  compareVersions,
  EngineError,
  parseRange,
  parseVersion,
  printVersion,
  satisfies,
  type SemVer,
} from '../base/index.ts'
import {
  FunctionError,
  goFunction,
  goInt,
  goMethod,
  GoObject,
  STRING,
  structParam,
  type GoFunction,
  type ParamType,
  type Value,
} from '../template/index.ts'

const NO_FIELDS: ReadonlyMap<string, Value> = new Map()

/** A Masterminds semver.Version, or a pointer to one, which has the comparing methods too. */
class VersionValue extends GoObject {
  readonly goType: string
  readonly fields = NO_FIELDS
  override readonly methods: ReadonlyMap<string, GoFunction>
  readonly version: SemVer

  constructor(version: SemVer, isPointer: boolean) {
    super()
    this.version = version
    this.goType = isPointer ? '*semver.Version' : 'semver.Version'
    this.methods = isPointer ? POINTER_METHODS : VALUE_METHODS
  }

  override readonly toText = (): string => printVersion(this.version)

  override toJson(): Value {
    return printVersion(this.version)
  }

  override get isComparable(): boolean {
    return !this.goType.startsWith('*')
  }

  override equals(other: Value): boolean {
    if (!(other instanceof VersionValue)) return false
    return (
      printVersion(this.version) === printVersion(other.version) && this.version.original === other.version.original
    )
  }
}

const POINTER: ParamType<VersionValue> = structParam(
  '*semver.Version',
  (v): v is VersionValue => v instanceof VersionValue && v.goType.startsWith('*'),
)

/** The next version, which keeps a leading `v` in its original form. */
function next(from: SemVer, change: Partial<SemVer>): VersionValue {
  const version: SemVer = { ...from, prerelease: '', metadata: '', ...change }
  const prefix = from.original.startsWith('v') ? 'v' : ''
  return new VersionValue({ ...version, original: prefix + printVersion(version) }, false)
}

function text(name: string, pick: (version: SemVer) => string): GoFunction {
  return goMethod(name, [], (_run, v: VersionValue) => pick(v.version))
}

function number(name: 'Major' | 'Minor' | 'Patch', key: 'major' | 'minor' | 'patch'): GoFunction {
  return goMethod(name, [], (_run, v: VersionValue) => goInt(v.version[key], 'uint64'))
}

function relation(name: string, test: (order: number) => boolean): GoFunction {
  return goMethod(name, [POINTER], (_run, v: VersionValue, other) => test(compareVersions(v.version, other.version)))
}

/** `SetPrerelease` and `SetMetadata`; the parts of the text must be what a version allows there. */
function setter(name: string, key: 'prerelease' | 'metadata', message: string): GoFunction {
  return goMethod(name, [STRING], (_run, v: VersionValue, value) => {
    const parts = value === '' ? [] : value.split('.')
    if (parts.some((part) => !/^[0-9A-Za-z-]+$/.test(part))) throw new FunctionError(message)
    if (key === 'prerelease' && parts.some((part) => /^0\d+$/.test(part))) {
      throw new FunctionError('version segment starts with 0')
    }
    return next(v.version, { prerelease: v.version.prerelease, metadata: v.version.metadata, [key]: value })
  })
}

const valueMethods: readonly GoFunction[] = [
  text('String', printVersion),
  number('Major', 'major'),
  number('Minor', 'minor'),
  number('Patch', 'patch'),
  text('Prerelease', (version) => version.prerelease),
  text('Metadata', (version) => version.metadata),
  goMethod('IncPatch', [], (_run, { version }: VersionValue) =>
    next(version, version.prerelease === '' ? { patch: version.patch + 1n } : {}),
  ),
  goMethod('IncMinor', [], (_run, { version }: VersionValue) =>
    next(version, { minor: version.minor + 1n, patch: 0n }),
  ),
  goMethod('IncMajor', [], (_run, { version }: VersionValue) =>
    next(version, { major: version.major + 1n, minor: 0n, patch: 0n }),
  ),
  setter('SetPrerelease', 'prerelease', 'invalid prerelease string'),
  setter('SetMetadata', 'metadata', 'invalid metadata string'),
]

const pointerMethods: readonly GoFunction[] = [
  text('Original', (version) => version.original),
  relation('LessThan', (order) => order < 0),
  relation('LessThanEqual', (order) => order <= 0),
  relation('GreaterThan', (order) => order > 0),
  relation('GreaterThanEqual', (order) => order >= 0),
  relation('Equal', (order) => order === 0),
  goMethod('Compare', [POINTER], (_run, v: VersionValue, other) => goInt(compareVersions(v.version, other.version))),
]

const VALUE_METHODS = new Map(valueMethods.map((method) => [method.name, method]))
const POINTER_METHODS = new Map([...valueMethods, ...pointerMethods].map((method) => [method.name, method]))

/** What base says about a version or range is, word for word, the error of the template function. */
function orFunctionError<T>(compute: () => T): T {
  try {
    return compute()
  } catch (error) {
    if (error instanceof EngineError && error.code === 'semver-invalid') throw new FunctionError(error.message)
    throw error
  }
}

/** Sprig's versions, by the rules of Masterminds/semver. */
export const semverFunctions: readonly GoFunction[] = [
  goFunction(
    'semver',
    [STRING],
    (_run, version) =>
      new VersionValue(
        orFunctionError(() => parseVersion(version)),
        true,
      ),
  ),
  goFunction('semverCompare', [STRING, STRING], (_run, constraint, version) =>
    orFunctionError(() => {
      const range = parseRange(constraint)
      return satisfies(parseVersion(version), range)
    }),
  ),
]
