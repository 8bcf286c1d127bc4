import { goFunction, STRING, type GoFunction } from '../template/index.ts'

/** Go's path.Clean. */
export function cleanPath(path: string): string {
  if (path === '') return '.'
  const isRooted = path.startsWith('/')
  const kept: string[] = []
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') kept.push(part)
    else if (kept.length > 0 && kept.at(-1) !== '..') kept.pop()
    else if (!isRooted) kept.push('..')
  }
  const joined = kept.join('/')
  return isRooted ? `/${joined}` : joined === '' ? '.' : joined
}

function base(path: string): string {
  if (path === '') return '.'
  const trimmed = path.replace(/\/+$/, '')
  return trimmed === '' ? '/' : trimmed.slice(trimmed.lastIndexOf('/') + 1)
}

function dir(path: string): string {
  return cleanPath(path.slice(0, path.lastIndexOf('/') + 1))
}

function ext(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const dot = name.lastIndexOf('.')
  return dot === -1 ? '' : name.slice(dot)
}

const FAMILY: readonly (readonly [string, (path: string) => string | boolean])[] = [
  ['base', base],
  ['dir', dir],
  ['clean', cleanPath],
  ['ext', ext],
  ['isAbs', (path) => path.startsWith('/')],
]

/** Sprig's paths; those named `os…` follow Unix, so they are the same. */
export const pathFunctions: readonly GoFunction[] = FAMILY.flatMap(([name, compute]) =>
  [name, `os${name[0]!.toUpperCase()}${name.slice(1)}`].map((each) =>
    goFunction(each, [STRING], (_run, path) => compute(path)),
  ),
)
