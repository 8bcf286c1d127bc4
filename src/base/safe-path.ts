import { sha256Hex } from './digest.ts'
import { EngineError } from './errors.ts'

/** Longest path accepted from an archive, a bucket or a repository. */
const maxPathLength = 4096

/** Code points that HFS+ drops when it compares names, so that `.g<U+200C>it` is `.git` on such a disk. */
const ignoredByHfs = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g

/**
 * Resolves `relative` against the directory `base` (both '/'-separated) into a normalised path below the root, '' for the root itself.
 * `.` and `..` are resolved lexically, repeated and trailing slashes are dropped.
 *
 * Throws EngineError `unsafe-path` where the result would leave the root, or for an absolute path, a drive letter, a backslash or a control character.
 */
export function joinPath(base: string, relative: string): string {
  const problem = pathProblem(relative)
  if (problem !== undefined) throw unsafePath(relative, problem)
  const segments = base === '' ? [] : base.split('/')
  for (const segment of relative.split('/')) {
    if (segment === '' || segment === '.') continue
    if (segment !== '..') segments.push(segment)
    else if (segments.pop() === undefined) throw unsafePath(relative, 'it leads out of the source')
  }
  return segments.join('/')
}

/**
 * The path of a file that something untrusted names (an archive entry, a bucket key, a chart file): normalised, below the root.
 * Stricter than {@link joinPath}: `..` never occurs, not even where it would stay inside, and no segment may stand for `.git`.
 * A leading `./` and a trailing slash are dropped. Throws EngineError `unsafe-path`.
 */
export function safeEntryPath(path: string): string {
  const problem = pathProblem(path)
  if (problem !== undefined) throw unsafePath(path, problem)
  const segments = path.split('/').filter((segment) => segment !== '' && segment !== '.')
  if (segments.length === 0) throw unsafePath(path, 'it names no file')
  for (const segment of segments) {
    const wrong = entryNameProblem(segment)
    if (wrong !== undefined) throw unsafePath(path, wrong)
  }
  return segments.join('/')
}

/**
 * What makes `name` unfit as one entry of a directory, or undefined when it is fit. The rules of `git fsck` (Git 2.39: hasDot, hasDotdot,
 * hasDotgit, fullPathname, with the HFS+ and NTFS spellings of `.git`). A backslash is an ordinary character here: Unix file names may have one.
 */
export function entryNameProblem(name: string): string | undefined {
  if (name === '') return 'it has an empty name'
  if (name === '.' || name === '..') return `it has a segment ${JSON.stringify(name)}`
  if (name.includes('/')) return 'a name contains a slash'
  if (name.includes('\0')) return 'a name contains a NUL'
  const plain = name.replace(ignoredByHfs, '').toLowerCase()
  const ntfs = plain.split(/[:\\]/, 1)[0]?.replace(/[. ]+$/, '')
  if (plain === '.git' || ntfs === '.git' || ntfs === 'git~1') return 'it stands for the .git directory'
  return undefined
}

/** Letters of a part of a path that is made from a text of others. */
const maxPartLength = 160

/**
 * One part of a path, of letters, digits, `.`, `_` and `-`, out of a text that others have chosen. Texts that are no such part get a digest behind `~`, which no other part has: different texts have different parts. Pure.
 */
export function safePathPart(text: string): string {
  const isPlain = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?$/.test(text) && !text.endsWith('.lock')
  if (isPlain && text.length <= maxPartLength) return text
  const kept = text
    .slice(0, maxPartLength)
    .replaceAll(/[^A-Za-z0-9._-]+/g, '_')
    .replace(/^[^A-Za-z0-9]+/, '')
  return `${kept}~${sha256Hex(text).slice(0, 8)}`
}

/** True when `path` is `directory` or lies below it. Both are normalised; '' is the root. */
export function isWithin(path: string, directory: string): boolean {
  return directory === '' || path === directory || path.startsWith(`${directory}/`)
}

/** Directory part of a normalised path, '' for an entry of the root. */
export function parentPath(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash < 0 ? '' : path.slice(0, slash)
}

/** Last segment of a normalised path. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

function pathProblem(path: string): string | undefined {
  if (path.length > maxPathLength) return `it is longer than ${maxPathLength} characters`
  if (path.startsWith('/')) return 'it is absolute'
  if (/^[A-Za-z]:/.test(path)) return 'it has a drive letter'
  if (path.includes('\\')) return 'it contains a backslash'
  if (/\p{Cc}/u.test(path)) return 'it contains a control character'
  return undefined
}

function unsafePath(path: string, why: string): EngineError {
  const shown = JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}…` : path)
  return new EngineError(`path ${shown} is refused: ${why}; use a relative path inside the source`, {
    code: 'unsafe-path',
    data: { path: path.slice(0, 200) },
  })
}
