/** A step of a pattern: any run of characters, or one character that fits. */
type Step = 'run' | ((character: string) => boolean)

/**
 * The lengths (in characters) of all prefixes of `characters` that a shell pattern fits: `*` (crossing slashes), `?`, `[a-z]`, `[^a]` and
 * `\x`. Undefined for a malformed pattern. Takes time in proportion to the product of both lengths.
 */
export function matchingPrefixes(characters: readonly string[], pattern: string): number[] | undefined {
  const steps = compile(Array.from(pattern))
  if (steps === undefined) return undefined
  const result: number[] = []
  let states = reach(steps, new Set([0]))
  for (let length = 1; length <= characters.length && states.size > 0; length++) {
    const next = new Set<number>()
    for (const state of states) {
      const step = steps[state]
      if (step === 'run') next.add(state)
      else if (step?.(characters[length - 1] ?? '') === true) next.add(state + 1)
    }
    states = reach(steps, next)
    if (states.has(steps.length)) result.push(length)
  }
  return result
}

/** A run may be empty. */
function reach(steps: readonly Step[], states: Set<number>): Set<number> {
  for (const state of states) if (steps[state] === 'run') states.add(state + 1)
  return states
}

function compile(pattern: readonly string[]): Step[] | undefined {
  const steps: Step[] = []
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at] ?? ''
    if (character === '*') {
      if (steps.at(-1) !== 'run') steps.push('run')
    } else if (character === '?') steps.push(() => true)
    else if (character === '[') {
      const set = compileSet(pattern, at + 1)
      if (set === undefined) return undefined
      steps.push(set.fits)
      at = set.end
    } else {
      const literal = character === '\\' ? pattern[++at] : character
      if (literal === undefined) return undefined
      steps.push((one) => one === literal)
    }
  }
  return steps
}

function compileSet(
  pattern: readonly string[],
  start: number,
): { fits: (character: string) => boolean; end: number } | undefined {
  const negated = pattern[start] === '^'
  const ranges: [string, string][] = []
  let at = start + (negated ? 1 : 0)
  const take = (): string | undefined => {
    const character = pattern[at++]
    if (character === undefined || character === '-' || (character === ']' && ranges.length === 0)) return undefined
    return character === '\\' ? pattern[at++] : character
  }
  while (ranges.length === 0 || pattern[at] !== ']') {
    const low = take()
    if (low === undefined || at >= pattern.length) return undefined
    let high: string | undefined = low
    if (pattern[at] === '-') {
      at++
      high = take()
      if (high === undefined || at >= pattern.length) return undefined
    }
    ranges.push([low, high])
  }
  const inside = (character: string): boolean => ranges.some(([low, high]) => low <= character && character <= high)
  return { fits: negated ? (character) => !inside(character) : inside, end: at }
}
