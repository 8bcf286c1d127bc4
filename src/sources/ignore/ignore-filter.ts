import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import type { FileEntry, FileTree } from '../../ports/index.ts'
import type { TreeFilter } from '../../files/index.ts'
import type { IgnorePattern } from './pattern.ts'
import { canMatchBelow, matchesPattern, parseIgnoreFile, parseIgnorePattern } from './pattern.ts'

/** Name of the files in a source that hide other files from the artifact. */
export const ignoreFileName = '.sourceignore'

const excludeVersionControl = Object.freeze(['.git/', '.gitignore', '.gitmodules', '.gitattributes'])
const excludeByDefault = Object.freeze(
  (
    '*.jpg *.jpeg *.gif *.png *.wmv *.flv *.tar.gz *.zip ' +
    '.github/ .circleci/ .travis.yml .gitlab-ci.yml appveyor.yml .drone.yml cloudbuild.yaml ' +
    'codeship-services.yml codeship-steps.yml **/.goreleaser.yml **/.sops.yaml **/.flux.yaml'
  ).split(' '),
)

/** What a source's ignore rules come from. */
export interface IgnoreRules {
  /** Text of every `.sourceignore`, by the directory that holds it, in the order of a walk (a directory before what is below it, names in byte order). */
  readonly files: readonly { readonly directory: string; readonly text: string }[]
  /** `spec.ignore`. */
  readonly spec?: string
}

/**
 * The filter that turns the files of a source into those of its artifact, as Flux's archiving does (fluxcd/pkg sourceignore and artifact/storage): version control files always go; without any
 * rule of the user also pictures, archives and CI files; with a rule of the user (in a file or in `spec.ignore`) only those rules count besides the first. The last matching rule wins. Each file is judged on its own, so `!` shows a file
 * again below a directory that is hidden. Symbolic links are never part of an artifact.
 */
export function ignoreFilter(tree: FileTree, rules: IgnoreRules): TreeFilter {
  const user = [
    ...rules.files.flatMap(({ directory, text }) =>
      parseIgnoreFile(text, directory === '' ? [] : directory.split('/')),
    ),
    ...(rules.spec === undefined ? [] : parseIgnoreFile(rules.spec, [])),
  ]
  const defaults = user.length > 0 ? excludeVersionControl : [...excludeVersionControl, ...excludeByDefault]
  const patterns = [...defaults.map((line) => parseIgnorePattern(line, [])), ...user]
  const inclusions = patterns.filter((pattern) => pattern.inclusion)
  /** Hidden directories that were looked into, and whether they hold something that is shown. */
  const holdsShown = new Map<string, boolean>()

  const isHidden = (path: readonly string[], isDirectory: boolean): boolean => {
    for (let i = patterns.length - 1; i >= 0; i--) {
      const pattern = patterns[i] as IgnorePattern
      if (matchesPattern(pattern, path, isDirectory)) return !pattern.inclusion
    }
    return false
  }

  /** An archive holds a hidden directory after all when something below it is shown. */
  const holds = (path: string): boolean => {
    const known = holdsShown.get(path)
    if (known !== undefined) return known
    const segments = path.split('/')
    const result =
      inclusions.some((pattern) => canMatchBelow(pattern, segments)) &&
      tree.list(path).some((entry) => isShown(`${path}/${entry.name}`, entry))
    holdsShown.set(path, result)
    return result
  }

  const isShown = (path: string, entry: FileEntry): boolean => {
    if (entry.kind === 'symlink') return false
    const isDirectory = entry.kind !== 'file'
    return !isHidden(path.split('/'), isDirectory) || (entry.kind === 'directory' && holds(path))
  }

  return {
    isShown,
    directoryId: (path, id) => (user.length === 0 ? id : `${id}+${fingerprint(user, path)}`),
  }
}

/** Identity of the rules that decide what is shown below `path` besides the files below it: rules of other directories do not count. */
function fingerprint(patterns: readonly IgnorePattern[], path: string): string {
  const segments = path === '' ? [] : path.split('/')
  const relevant = patterns.filter(
    ({ domain }) => domain.length <= segments.length && domain.every((segment, i) => segments[i] === segment),
  )
  const text = JSON.stringify([path, relevant.map(({ domain, text: line }) => [domain.length, line])])
  return bytesToHex(sha256(new TextEncoder().encode(text))).slice(0, 16)
}
