import { helmError } from '../errors.ts'
import { pathMatcher } from './path-match.ts'

interface Rule {
  readonly matches: (path: string) => boolean
  readonly negate: boolean
  readonly onlyDirectories: boolean
}

/**
 * The rules of a `.helmignore` and Helm's own (dot files in `templates/`), as Helm v4 pkg/ignore reads them: not quite gitignore's. A pattern without a slash matches
 * names, one with a slash whole paths; the first rule that decides wins; a `!` rule ignores whatever it does not match.
 *
 * @throws EngineError `chart-invalid` for `**` and for patterns that do not parse.
 */
export function parseHelmIgnore(text: string): (path: string, isDirectory: boolean) => boolean {
  const rules: Rule[] = []
  for (const line of `${text}\ntemplates/.?*`.split('\n')) {
    const rule = parseRule(line.trim())
    if (rule !== undefined) rules.push(rule)
  }
  return (path, isDirectory) => isIgnored(rules, path, isDirectory)
}

function isIgnored(rules: readonly Rule[], path: string, isDirectory: boolean): boolean {
  for (const rule of rules) {
    const excluded = rule.onlyDirectories && !isDirectory
    if (rule.negate) {
      if (excluded || !rule.matches(path)) return true
    } else if (!excluded && rule.matches(path)) return true
  }
  return false
}

function parseRule(line: string): Rule | undefined {
  if (line === '' || line.startsWith('#')) return undefined
  if (line.includes('**')) throw helmError('chart-invalid', 'double-star (**) syntax is not supported')
  if (pathMatcher(line) === undefined)
    throw helmError('chart-invalid', 'syntax error in pattern', { data: { pattern: line } })
  const negate = line.startsWith('!')
  let pattern = negate ? line.slice(1) : line
  const onlyDirectories = pattern.endsWith('/')
  if (onlyDirectories) pattern = pattern.slice(0, -1)
  const isRooted = pattern.startsWith('/')
  const isPath = pattern.includes('/')
  const matcher = pathMatcher(isRooted ? pattern.slice(1) : pattern) ?? (() => false)
  const matches = isPath ? matcher : (path: string) => matcher(path.slice(path.lastIndexOf('/') + 1))
  return { matches, negate, onlyDirectories }
}
