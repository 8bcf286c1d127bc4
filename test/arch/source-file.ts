import { maskText, type MaskedText } from './masked-text.ts'

/** An import, or an export from another module. */
export interface ImportedModule {
  readonly specifier: string
  /** True when nothing is left of it at run time. */
  readonly typeOnly: boolean
  readonly dynamic: boolean
  readonly line: number
}

/** A source file as the rules see it. */
export interface SourceFile {
  /** Relative to the root of the repository, '/'-separated. */
  readonly path: string
  readonly source: string
  readonly masked: MaskedText
  readonly imports: readonly ImportedModule[]
}

/** What a rule has found. */
export interface Violation {
  readonly rule: string
  readonly path: string
  readonly line: number
  readonly message: string
}

/** Reads imports and masks literals of one file. */
export function readSource(path: string, source: string): SourceFile {
  const masked = maskText(source)
  return { path, source, masked, imports: findImports(source, masked) }
}

/** The 1-based line of a position. */
export function lineAt(source: string, position: number): number {
  let line = 1
  for (let i = source.indexOf('\n'); i !== -1 && i < position; i = source.indexOf('\n', i + 1)) line += 1
  return line
}

/** Every place of `pattern` (with the flag g) in the code of a file, outside comments and literals. */
export function findInCode(
  file: SourceFile,
  pattern: RegExp,
): readonly { readonly line: number; readonly match: RegExpExecArray }[] {
  return [...file.masked.code.matchAll(pattern)].map((match) => ({ line: lineAt(file.source, match.index), match }))
}

function findImports(source: string, masked: MaskedText): readonly ImportedModule[] {
  const statement =
    /(?:^|[;}\n])[ \t]*(?:import|export)(?<type>\s+type\b(?!\s*,|\s+from))?(?<clause>[\s\w$*{},]*?)(?:\bfrom\s*|(?<=import)\s*)(?<quote>['"])/g
  const call = /\bimport\s*\(\s*(?<quote>['"])/g
  const found: ImportedModule[] = []
  const textAt = (start: number): string => {
    const literal = masked.literals.find((candidate) => candidate.start === start)
    return literal === undefined ? '' : source.slice(literal.start + 1, literal.end - 1)
  }
  for (const match of masked.code.matchAll(statement)) {
    const quote = match.index + match[0].length - 1
    const clause = match.groups?.['clause'] ?? ''
    const typeOnly = match.groups?.['type'] !== undefined || isTypeClause(clause)
    found.push({ specifier: textAt(quote), typeOnly, dynamic: false, line: lineAt(source, quote) })
  }
  for (const match of masked.code.matchAll(call)) {
    const quote = match.index + match[0].length - 1
    found.push({ specifier: textAt(quote), typeOnly: false, dynamic: true, line: lineAt(source, quote) })
  }
  return found
}

/** True for `{ type A, type B }`. */
function isTypeClause(clause: string): boolean {
  const names = /^\s*\{([^}]*)\}\s*$/.exec(clause)?.[1]
  if (names === undefined) return false
  const parts = names
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
  return parts.length > 0 && parts.every((part) => part.startsWith('type '))
}

/** The file that a relative import of `from` means; undefined for a package. */
export function resolveImport(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  const parts = from.split('/').slice(0, -1)
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '.' && part !== '') parts.push(part)
  }
  return parts.join('/')
}
