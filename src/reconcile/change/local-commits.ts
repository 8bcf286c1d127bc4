import { createWorld, idOf, type Managed, type World } from '../world.ts'

/** The commits of a change that nobody has pushed: they are in a working copy, and whoever plans them is its owner. */
export interface LocalCommits {
  /** Where the repository of the change is fetched from, at its two commits, in place of the URL of its source. No login is sent there. */
  readonly url: string
  /**
   * Set where there is no cluster: the objects that each commit begins with, which a cluster would have. A cluster that base does not have yet begins with nothing in base; otherwise both begin with what base has, and
   * what head makes of it is rendered.
   */
  readonly entry?: { readonly base: readonly Managed[]; readonly head: readonly Managed[] }
}

/** Our objects as a cluster would have them before the change; undefined where there is one to ask. */
export function knownWorld({ entry }: LocalCommits): World | undefined {
  return entry === undefined ? undefined : createWorld(new Map(entry.base.map((object) => [idOf(object), object])))
}
