/** Pages that the head of every page leads to, in their order. A page that is not there has no line here. */
export const places = [
  { at: 'overview', name: 'Applications', path: '/ui' },
  { at: 'commits', name: 'Commits', path: '/ui/commits' },
  { at: 'runs', name: 'Runs', path: '/ui/runs' },
  { at: 'drift', name: 'Drift', path: '/ui/drift' },
  { at: 'plans', name: 'Plans', path: '/ui/plans' },
  { at: 'actions', name: 'Actions', path: '/ui/actions' },
  { at: 'deliveries', name: 'Deliveries', path: '/ui/deliveries' },
] as const satisfies readonly { readonly at: string; readonly name: string; readonly path: string }[]

/** Where a page belongs. */
export type Place = (typeof places)[number]['at'] | 'other'
