/** When a hook runs. */
export type HookEvent =
  | 'pre-install'
  | 'post-install'
  | 'pre-delete'
  | 'post-delete'
  | 'pre-upgrade'
  | 'post-upgrade'
  | 'pre-rollback'
  | 'post-rollback'
  | 'test'

/** How the last run of a hook went; empty where it never ran. Times are RFC 3339. */
export interface HookRun {
  readonly started_at?: string
  readonly completed_at?: string
  readonly phase: '' | 'Unknown' | 'Running' | 'Succeeded' | 'Failed'
}

/** A hook as Helm stores it in a release (Helm v4 pkg/release/v1 Hook; field names are those of the storage format). */
export interface Hook {
  readonly name: string
  readonly kind: string
  /** The template it came from, `chart/templates/job.yaml`. */
  readonly path: string
  readonly manifest: string
  readonly events: readonly HookEvent[]
  readonly last_run: HookRun
  readonly weight: number
  readonly delete_policies: readonly string[]
  readonly output_log_policies: readonly string[]
}

const EVENTS: ReadonlyMap<string, HookEvent> = new Map<string, HookEvent>([
  ['pre-install', 'pre-install'],
  ['post-install', 'post-install'],
  ['pre-delete', 'pre-delete'],
  ['post-delete', 'post-delete'],
  ['pre-upgrade', 'pre-upgrade'],
  ['post-upgrade', 'post-upgrade'],
  ['pre-rollback', 'pre-rollback'],
  ['post-rollback', 'post-rollback'],
  ['test', 'test'],
  // Helm 2's name.
  ['test-success', 'test'],
])

/** The events of a `helm.sh/hook` annotation, or undefined where one of them is unknown: Helm then drops the whole document. */
export function hookEvents(annotation: string): HookEvent[] | undefined {
  const events: HookEvent[] = []
  for (const name of annotation.split(',')) {
    const event = EVENTS.get(name.trim().toLowerCase())
    if (event === undefined) return undefined
    events.push(event)
  }
  return events
}

/** The weight of a `helm.sh/hook-weight` annotation: 0 for anything that is no whole number. */
export function hookWeight(annotation: string | undefined): number {
  return annotation !== undefined && /^[+-]?\d{1,15}$/.test(annotation) ? Number(annotation) || 0 : 0
}

/** The comma-separated words of an annotation, in lower case. */
export function policies(annotation: string | undefined): string[] {
  return annotation === undefined ? [] : annotation.split(',').map((word) => word.trim().toLowerCase())
}

/** The hooks of an event in the order in which they run: by weight, then by name (Helm v4 hookByWeight, stable). */
export function hooksFor(hooks: readonly Hook[], event: HookEvent): Hook[] {
  return hooks
    .filter((hook) => hook.events.includes(event))
    .sort((a, b) => a.weight - b.weight || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}
