import type { Json } from '../../base/index.ts'
import { fromJson, type Value } from '../../template/index.ts'

/** Deepest nesting that is followed; Go's decoder allows 10,000. */
const maxDepth = 1000

/**
 * The JSON value that `text` starts with, and how many UTF-16 units it takes, or undefined where it does not start with one. What follows is not
 * looked at: set lines go on after the value.
 */
export function decodeJsonPrefix(text: string): { readonly value: Value; readonly length: number } | undefined {
  const end = valueEnd(text)
  if (end === undefined) return undefined
  try {
    return { value: fromJson(JSON.parse(text.slice(0, end)) as Json), length: end }
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function valueEnd(text: string): number | undefined {
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!
    if (character === '"') {
      const end = stringEnd(text, at)
      if (end === undefined) return undefined
      at = end
    } else if (character === '[' || character === '{') {
      if (++depth > maxDepth) return undefined
      continue
    } else if (character === ']' || character === '}') depth--
    else if (depth > 0 || /\s/.test(character)) continue
    else {
      const literal = /^(?:true|false|null|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/.exec(text.slice(at))
      return literal === null ? undefined : at + literal[0].length
    }
    if (depth <= 0) return depth === 0 ? at + 1 : undefined
  }
  return undefined
}

function stringEnd(text: string, start: number): number | undefined {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === '"') return at
  }
  return undefined
}
