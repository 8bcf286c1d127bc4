import { z } from 'zod'
import { bodyAs } from './hook-payload.ts'
import type { HookType } from './hook-types.ts'
import { boundedText, deliveryIdOf, eventName } from './payload.ts'

/** Subjects of CDEvents 0.4 and what can happen to them. */
const predicates: { readonly [subject: string]: readonly string[] } = {
  pipelinerun: ['queued', 'started', 'finished'],
  taskrun: ['started', 'finished'],
  repository: ['created', 'modified', 'deleted'],
  branch: ['created', 'deleted'],
  change: ['created', 'reviewed', 'merged', 'abandoned', 'updated'],
  build: ['queued', 'started', 'finished'],
  testcaserun: ['queued', 'started', 'finished', 'skipped'],
  testsuiterun: ['queued', 'started', 'finished'],
  testoutput: ['published'],
  artifact: ['packaged', 'signed', 'published', 'downloaded', 'deleted'],
  environment: ['created', 'modified', 'deleted'],
  service: ['deployed', 'upgraded', 'rolledback', 'removed', 'published'],
  incident: ['detected', 'reported', 'resolved'],
  ticket: ['created', 'updated', 'closed'],
}

const payload = z.object({
  context: z.object({
    version: z.string().regex(/^0\.4\.\d+(-[\w.]+)?$/),
    id: boundedText(1024),
    source: boundedText(2048),
    type: z.string().refine(isKnownType),
    timestamp: z.iso.datetime({ offset: true }),
  }),
  subject: z.object({ id: boundedText(1024), content: z.record(z.string(), z.unknown()) }),
})

/**
 * `cdevents`: whoever knows the path may send a CDEvent (specification 0.4): its context and the outline of its subject are checked. The name of the event is that of the header `Ce-Type`.
 */
export const cdEventsHook: HookType = {
  type: 'cdevents',
  hasEvents: true,
  verify: async ({ headers, body }) => {
    const { context } = bodyAs(payload, body, 'CDEvents 0.4')
    return { event: eventName(headers.get('ce-type')), deliveryId: deliveryIdOf(context.id) }
  },
}

/** `dev.cdevents.<subject>.<predicate>.<version>`; `dev.cdeventsx.…` are those of others. */
function isKnownType(type: string): boolean {
  if (/^dev\.cdeventsx\.[\w-]+-[a-z]+\.[a-z]+\.\d+\.\d+\.\d+(-[\w.]+)?$/.test(type)) return true
  const [, subject = '', predicate = ''] =
    /^dev\.cdevents\.([a-z]+)\.([a-z]+)\.\d+\.\d+\.\d+(-[\w.]+)?$/.exec(type) ?? []
  return Object.hasOwn(predicates, subject) && predicates[subject]?.includes(predicate) === true
}
