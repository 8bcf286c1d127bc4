import type { RenderedSide } from './types.ts'
import type { Examined } from './walk.ts'

/** An application as it was examined last, and before. */
export interface Done {
  readonly signature: string
  readonly examined: Examined
  readonly past: { readonly base: Past; readonly head: Past }
}

/** What one side of an application has been so far. */
interface Past {
  /** What it rendered last, where it ever did. */
  readonly last: RenderedSide | undefined
  /** How often it could not be rendered after it had been. */
  readonly falls: number
}

/** Falls after which an application goes back and forth by what it renders itself. */
const maxFalls = 2

/** Notes what was found of an application, after what was found `before`. */
export function doneWith(signature: string, examined: Examined, before: Done | undefined): Done {
  const pastOf = (name: 'base' | 'head'): Past => {
    const { last, falls } = before?.past[name] ?? { last: undefined, falls: 0 }
    const isFall = examined.failures[name] !== undefined && before?.examined.rendered[name] !== undefined
    return { last: examined.rendered[name] ?? last, falls: isFall ? falls + 1 : falls }
  }
  return { signature, examined, past: { base: pastOf('base'), head: pastOf('head') } }
}

/**
 * What one side of an application renders, as far as others are made from it; undefined where it cannot be rendered.
 *
 * An application may render what it is made from, as a source with an `include` that must not be fetched: then it fails, without what it rendered it is as it was, renders, and fails again. What it rendered last stays, so
 * that it has failed in the end: that is what a run finds once it is applied.
 */
export function knownRendering(
  { examined: { rendered, failures }, past }: Done,
  name: 'base' | 'head',
): RenderedSide | undefined {
  const { last, falls } = past[name]
  return rendered[name] ?? (failures[name] !== undefined && falls >= maxFalls ? last : undefined)
}
