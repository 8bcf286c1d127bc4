/**
 * Splits a path at `delimiter`; a delimiter after a backslash belongs to the part. One leading delimiter is ignored
 * (kyaml utils, PathSplitter).
 */
export function splitPath(path: string, delimiter: string): string[] {
  let parts = path.split(delimiter)
  if (parts.length > 1 && parts[0] === '') parts = parts.slice(1)
  const result: string[] = []
  for (const part of parts) {
    const last = result.at(-1)
    if (last?.endsWith('\\') === true) result[result.length - 1] = last.slice(0, -1) + delimiter + part
    else result.push(part)
  }
  return result
}

/**
 * Splits a field path such as `spec.containers.[name=a.b].image` or `metadata.annotations.[a.b/c]`: brackets hold a part together, and stay
 * around `field=value` only (kyaml utils, SmarterPathSplitter).
 */
export function splitFieldPath(path: string, delimiter = '.'): string[] {
  const parts = splitPath(path, delimiter)
  const result: string[] = []
  for (let index = 0; index < parts.length; index++) {
    const part = parts[index] ?? ''
    if (!part.startsWith('[') || part.endsWith(']')) {
      result.push(part)
      continue
    }
    const group = [part]
    while (index < parts.length - 1) {
      const next = parts[++index] ?? ''
      group.push(next)
      if (next.endsWith(']')) break
    }
    const joined = group.join(delimiter)
    result.push(joined.includes('=') ? joined : joined.replace(/^[[\]]+|[[\]]+$/g, ''))
  }
  return result
}
