import { lineAt, type SourceFile, type Violation } from '../source-file.ts'

const maxFileLines = 500
const maxTestFileLines = 800
const maxFunctionLines = 80

/** Files and functions stay small enough to be read in one go. Generated files, and functions of tests, are not counted. */
export function checkSizes(files: readonly SourceFile[]): readonly Violation[] {
  return files.flatMap((file) => {
    if (file.path.endsWith('.gen.ts')) return []
    const isTest = file.path.startsWith('test/')
    const limit = isTest ? maxTestFileLines : maxFileLines
    const lines = file.source.trimEnd().split('\n').length
    const tooLong =
      lines > limit
        ? [{ rule: 'size', path: file.path, line: limit, message: `has ${lines} lines; ${limit} are the limit` }]
        : []
    return isTest ? tooLong : [...tooLong, ...longFunctions(file)]
  })
}

function longFunctions(file: SourceFile): readonly Violation[] {
  return functionBodies(file.masked.code).flatMap(({ start, end }) => {
    const first = lineAt(file.source, start)
    const lines = lineAt(file.source, end) - first + 1
    if (lines <= maxFunctionLines) return []
    return [
      {
        rule: 'size',
        path: file.path,
        line: first,
        message: `this function has ${lines} lines; ${maxFunctionLines} are the limit`,
      },
    ]
  })
}

/** The places of the braces of every function body. */
export function functionBodies(code: string): readonly { readonly start: number; readonly end: number }[] {
  const open: { readonly start: number; readonly isFunction: boolean }[] = []
  const found: { start: number; end: number }[] = []
  for (let i = 0; i < code.length; i++) {
    if (code[i] === '{') open.push({ start: i, isFunction: opensFunction(code, i) })
    if (code[i] !== '}') continue
    const last = open.pop()
    if (last?.isFunction === true) found.push({ start: last.start, end: i })
  }
  return found
}

const statementWithBlock = /\b(?:if|for|while|switch|catch|with|await)\s*$/

function opensFunction(code: string, brace: number): boolean {
  const before = code.slice(Math.max(0, brace - 2000), brace).trimEnd()
  if (before.endsWith('=>')) return true
  // `)` or `): Type` ends the head of a function, or of a statement such as `if (…)`.
  const close = /\)(?:\s*:[\w\s<>[\]|&.,'"]*)?$/.exec(before)?.index
  if (close === undefined) return false
  let depth = 0
  for (let i = close; i >= 0; i--) {
    if (before[i] === ')') depth += 1
    if (before[i] === '(') depth -= 1
    if (depth === 0) return !statementWithBlock.test(before.slice(0, i))
  }
  return false
}
