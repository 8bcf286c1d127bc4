import { findInCode, type SourceFile, type Violation } from '../source-file.ts'
import { folderOf, pureZone } from './layers.ts'

/** What a pure folder must not touch. What it needs of these arrives as an argument. */
const impure: readonly { readonly pattern: RegExp; readonly what: string }[] = [
  { pattern: /(?<![.\w$])fetch\s*\(/g, what: 'fetch' },
  { pattern: /(?<![.\w$])(?:setTimeout|setInterval|setImmediate|queueMicrotask)\b/g, what: 'a timer' },
  { pattern: /\bAbortSignal\s*\.\s*timeout\b/g, what: 'a timer' },
  { pattern: /\bDate\s*\.\s*now\b/g, what: 'the clock' },
  { pattern: /\bnew\s+Date\s*\(\s*\)/g, what: 'the clock' },
  { pattern: /(?<![.\w$])performance\s*\./g, what: 'the clock' },
  { pattern: /\bMath\s*\.\s*random\b/g, what: 'chance' },
  { pattern: /\bcrypto\s*\.\s*(?:getRandomValues|randomUUID)\b/g, what: 'chance' },
  { pattern: /(?<![.\w$'"])process\s*\./g, what: 'process' },
  { pattern: /(?<![.\w$])console\s*\./g, what: 'console' },
]

const code: readonly { readonly pattern: RegExp; readonly what: string }[] = [
  { pattern: /(?<![.\w$])eval\s*\(/g, what: 'eval' },
  { pattern: /\bnew\s+Function\s*\(/g, what: 'new Function' },
]

/** Pure folders use neither time nor chance nor the outside world, and nothing makes code from text. */
export function checkPurity(files: readonly SourceFile[]): readonly Violation[] {
  return files.flatMap((file) => {
    const folder = folderOf(file.path)
    if (folder === undefined) return []
    const isPure = pureZone.includes(folder)
    return [...(isPure ? impure : []), ...code].flatMap(({ pattern, what }) =>
      findInCode(file, pattern).map(({ line }) => ({
        rule: 'purity',
        path: file.path,
        line,
        message: isPure
          ? `uses ${what} in a pure folder; take it as an argument`
          : `uses ${what}, which Workers refuse`,
      })),
    )
  })
}
