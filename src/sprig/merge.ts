import { isTrue, LimitError, type GoMap, type Meter, type Value } from '../template/index.ts'

const MAX_DEPTH = 1000

/**
 * Merges `source` into `target` in place, as dario.cat/mergo 1.0 does for map[string]any: nested maps are merged, everything
 * else is taken over where the target has nothing (or an empty value), or always with `overwrite`. Maps that the target lacks
 * are shared with the source, not copied.
 */
export function mergeInto(target: GoMap, source: GoMap, overwrite: boolean, meter: Meter, depth = 0): void {
  if (depth > MAX_DEPTH) throw new LimitError('depth', 'the maps to merge are nested too deeply, or contain themselves')
  meter.step(source.size + 1)
  for (const [key, value] of source) {
    const present = target.get(key)
    if (value === null || value === undefined) {
      if (overwrite) target.set(key, null)
      continue
    }
    if (value instanceof Map && present instanceof Map) {
      if (present !== value) mergeInto(present, value, overwrite, meter, depth + 1)
      if (present.size > 0) continue
    }
    if (overwrite || isMissing(present)) target.set(key, value)
  }
}

/** Missing, nil, or the zero of its kind; structs never are. */
function isMissing(v: Value): boolean {
  return !isTrue(v)
}
