import { lineAt, type SourceFile, type Violation } from '../source-file.ts'
import { folderOf } from './layers.ts'

/** Isolates are shared between tenants: nothing at the top of a module may change after it was loaded. */
export function checkModuleState(files: readonly SourceFile[]): readonly Violation[] {
  return files.filter((file) => folderOf(file.path) !== undefined).flatMap(checkFile)
}

function checkFile(file: SourceFile): readonly Violation[] {
  const { code } = file.masked
  const found: Violation[] = []
  const report = (position: number, message: string): void => {
    found.push({ rule: 'module-state', path: file.path, line: lineAt(file.source, position), message })
  }
  for (const { position, text } of topLevelDeclarations(code)) {
    const [, exported, keyword, name = '', rest = ''] =
      /^(export\s+)?(?:declare\s+)?(let|var|const)\s+([\w$]+)([\s\S]*)$/.exec(text) ?? []
    if (keyword === undefined) continue
    if (keyword !== 'const') {
      report(
        position,
        `'${keyword} ${name}' at the top of a module is state shared between tenants; make it a const or pass it in`,
      )
      continue
    }
    const mutation = mutationOf(code, name)
    if (mutation !== undefined) {
      report(
        mutation,
        `'${name}' is at the top of the module and is changed here; let a composition root create it and pass it in`,
      )
    }
    const isCollection = /^[^=]*=\s*new\s+(?:Map|Set|WeakMap|WeakSet|Array)\b/.test(rest)
    if (isCollection && exported !== undefined && !/^\s*:\s*Readonly(?:Map|Set)\b/.test(rest)) {
      report(
        position,
        `'${name}' is exported and could be changed by others; give it the type ReadonlyMap or ReadonlySet`,
      )
    }
    const isPositioned = new RegExp(`(?<![.\\w$])${escaped(name)}\\s*\\.\\s*lastIndex\\s*=(?!=)`).test(code)
    if (
      !isPositioned &&
      hasStatefulRegExp(file, position, text) &&
      new RegExp(`(?<![.\\w$])${escaped(name)}\\s*\\.\\s*(?:test|exec)\\s*\\(`).test(code)
    ) {
      report(
        position,
        `'${name}' has the flag g or y, so test and exec leave a position behind; drop the flag, set lastIndex before each search, or use matchAll`,
      )
    }
  }
  return found
}

/** Statements at the top of a module that declare something, up to the next line that starts at its margin. */
function topLevelDeclarations(code: string): readonly { readonly position: number; readonly text: string }[] {
  // Formatted code starts a line of the top level at the margin, and only there.
  const starts = [...code.matchAll(/^(?:export\s+)?(?:declare\s+)?(?:let|var|const)\s/gm)]
  return starts.map((match) => {
    const rest = code.slice(match.index)
    const end = /\n(?=[^\s})\]])/.exec(rest)?.index ?? rest.length
    return { position: match.index, text: rest.slice(0, end) }
  })
}

/** Where a value is changed: by a method that changes it, an assignment to a part of it, or delete. */
function mutationOf(code: string, name: string): number | undefined {
  const word = `(?<![.\\w$])${escaped(name)}`
  // Where a search starts is set before each search; what else would be left behind is looked at below.
  const part = '(?:\\s*\\.\\s*(?!lastIndex\\b)[\\w$]+|\\s*\\[[^\\]\\n]*\\])'
  const methods = 'set|add|delete|clear|push|pop|shift|unshift|splice|sort|reverse|fill|copyWithin'
  const patterns = [
    new RegExp(`${word}\\s*\\.\\s*(?:${methods})\\s*\\(`),
    new RegExp(`${word}${part}+\\s*(?:=(?![=>])|[-+*/%|&^]=|\\+\\+|--|\\?\\?=|\\|\\|=|&&=)`),
    new RegExp(`\\bdelete\\s+${escaped(name)}\\s*[.[]`),
    new RegExp(`\\bObject\\s*\\.\\s*assign\\s*\\(\\s*${escaped(name)}\\b`),
  ]
  // A parameter or local of the same name is another thing.
  if (
    new RegExp(`^[ \\t]+.*(?:\\b(?:const|let)\\s+${escaped(name)}\\b|[(,]\\s*${escaped(name)}\\s*[:,)?])`, 'm').test(
      code,
    )
  )
    return undefined
  const places = patterns.map((pattern) => pattern.exec(code)?.index).filter((index) => index !== undefined)
  return places.length === 0 ? undefined : Math.min(...places)
}

function hasStatefulRegExp(file: SourceFile, position: number, text: string): boolean {
  return file.masked.literals.some(
    ({ kind, start, end }) =>
      kind === 'regexp' &&
      start >= position &&
      start < position + text.length &&
      /\/[a-z]*[gy][a-z]*$/.test(file.source.slice(start, end)),
  )
}

function escaped(name: string): string {
  return name.replaceAll('$', '\\$')
}
