import { printYaml } from '../yaml/index.ts'

/** Where an object or a transformation comes from, as kustomize writes it into annotations (api/resource, Origin). */
export interface Origin {
  readonly path?: string
  readonly repo?: string
  readonly ref?: string
  readonly configuredIn?: string
  readonly configuredBy?: {
    readonly apiVersion?: string
    readonly kind?: string
    readonly name?: string
    readonly namespace?: string
  }
}

export const ORIGIN_ANNOTATION = 'config.kubernetes.io/origin'
export const TRANSFORMATIONS_ANNOTATION = 'alpha.config.kubernetes.io/transformations'

/** An origin as YAML, its fields in kustomize's order. */
export function printOrigin(origin: Origin): string {
  return originLines(origin).join('\n') + '\n'
}

/** Origins as a YAML list. */
export function printTransformations(list: readonly Origin[]): string {
  return list
    .map((origin) =>
      originLines(origin)
        .map((line, index) => `${index === 0 ? '- ' : '  '}${line}\n`)
        .join(''),
    )
    .join('')
}

function originLines(origin: Origin): string[] {
  const lines: string[] = []
  for (const key of ['path', 'repo', 'ref', 'configuredIn'] as const) {
    const value = origin[key]
    if (value) lines.push(field(key, value))
  }
  const by = origin.configuredBy
  if (by) {
    lines.push('configuredBy:')
    for (const key of ['apiVersion', 'kind', 'name', 'namespace'] as const) {
      const value = by[key]
      if (value) lines.push(`  ${field(key, value)}`)
    }
  }
  return lines.length === 0 ? ['{}'] : lines
}

function field(key: string, value: string): string {
  return printYaml({ [key]: value }, { dialect: 'kyaml' }).trimEnd()
}

/** An origin further down: `path` is joined to it. */
export function joinOrigin(origin: Origin, path: string): Origin {
  const parts: string[] = []
  for (const part of `${origin.path ?? ''}/${path}`.split('/')) {
    if (part === '' || part === '.') continue
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop()
    else parts.push(part)
  }
  return { ...origin, path: parts.join('/') || '.' }
}
