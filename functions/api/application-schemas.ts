import { z } from 'zod'
import { clusters, condition, health, objectHead, objectState, outcome } from './schemas.ts'

// What the API answers about one application or one cluster, and about what differs from Git; see `schemas.ts`.

const text = z.string()
const time = z.number().int().describe('milliseconds since 1970')
const count = z.number().int().min(0)
const failure = z.strictObject({ code: text, message: text })

const liveNode = z.strictObject({
  apiVersion: text,
  kind: text,
  namespace: text,
  name: text,
  status: text.describe('its health, as `kstatus` names it; `Unknown` also where it could not be read'),
  message: text,
})

export const release = z.strictObject({
  version: z.number().int(),
  chart: text,
  chartVersion: text,
  appVersion: text.optional(),
  status: text,
  action: text.optional(),
  firstDeployed: text,
  lastDeployed: text,
  digest: text,
  ociDigest: text.optional(),
  tests: z.array(z.strictObject({ name: text, phase: text, completed: text.optional() })),
})

export const live = z.strictObject({
  readAt: time.optional(),
  conditions: z.array(condition).optional(),
  inventory: z.array(liveNode).optional(),
  omitted: count.optional().describe('objects of the inventory that were not looked at'),
  elsewhere: z.boolean().optional().describe('its objects are in another cluster, which was not asked'),
  releases: z.array(release).optional().describe('what Helm has released, of a HelmRelease'),
  events: z.array(z.strictObject({ type: text, reason: text, message: text, count, last: text, by: text })).optional(),
  gaps: z.array(text).optional().describe('what could not be found out'),
  error: failure.optional().describe('why the cluster could not be asked; what is shown is what was known before'),
})

const relative = z.strictObject({ id: text, state: objectState.optional().describe('absent where no run has seen it') })

export const object = objectHead.extend({
  health,
  generation: z.number().int(),
  observedGeneration: z.number().int().optional(),
  conditions: z.array(condition),
  dependsOn: z.array(text),
  parent: text.optional().describe('id of the Kustomization that applied it'),
  url: text.optional(),
  path: text.optional(),
  commits: z.array(text),
  outcomes: z.array(outcome),
  relations: z
    .strictObject({
      source: relative.extend({ revision: text.optional() }).optional(),
      dependsOn: z.array(relative),
      dependants: z.array(relative),
      children: z.array(relative).describe('objects of ours that it has applied'),
      chain: z
        .array(relative.extend({ why: text }))
        .describe('what it waits for, and what that waits for, down to what does not move by itself'),
    })
    .describe('how it hangs together with others of its cluster'),
  windows: z
    .array(z.strictObject({ name: text, kind: z.enum(['allow', 'deny']), open: z.boolean(), problem: text.optional() }))
    .describe('the windows that are about it, and whether they are open now'),
  live: live.optional().describe('what the cluster itself says, where `live=true` asked for it'),
})

const drift = z.strictObject({
  path: text,
  change: z.enum(['add', 'replace', 'remove']).describe('what an apply does to the field'),
  manager: text.optional().describe('the field manager that wrote it last'),
  writtenAt: text.optional(),
  live: text.optional().describe('what the cluster has; absent where it may not be shown'),
  wanted: text.optional().describe('what Git says; absent where it may not be shown'),
})

export const history = z.strictObject({
  history: z.array(
    outcome.extend({
      actor: text.optional().describe('who pushed or asked'),
      receivedAt: time,
      startedAt: time.optional(),
      renderedAt: time.optional(),
      appliedAt: time.optional(),
      changes: z.array(
        z.strictObject({
          object: text,
          action: text,
          drift: z.array(drift).optional().describe('fields that differed although nothing had changed in Git'),
          note: text.optional(),
        }),
      ),
      changesOmitted: count.optional(),
    }),
  ),
  before: text.optional().describe('for the next page'),
})

export const driftOverview = z.strictObject({
  applications: z.array(
    z.strictObject({
      cluster: text,
      kind: text,
      namespace: text,
      name: text,
      differences: z.array(
        drift.extend({
          object: text.describe('`Kind/namespace/name` of what differs'),
          pointer: text.optional().describe('the field as a JSON pointer'),
          action: text.describe('`configured`: it was put back; else it was only told'),
          firstSeen: time,
          seenAt: time.describe('the last look'),
          count: count.describe('looks in a row that have found it'),
        }),
      ),
      rules: z
        .array(
          z.strictObject({
            paths: z.array(text),
            target: z.record(text, text).optional(),
          }),
        )
        .describe(
          'what leaves all of it alone: for `spec.ignore` of a Kustomization, `spec.driftDetection.ignore` of a HelmRelease',
        ),
    }),
  ),
  total: count.describe('applications on all pages'),
  page: count,
  pages: count,
  omitted: z.array(text).describe('clusters with more than is read of them'),
  stale: z.array(text).describe('clusters that were not seen lately: what is told of them may be old'),
  unseen: z.array(text).describe('clusters that no run has looked at yet'),
})

export const cluster = clusters.shape.clusters.element.extend({
  differences: count.describe('what differs from Git; `/api/drift` lists it'),
  waiting: z
    .array(
      z.strictObject({
        application: text.describe('`Kind/namespace/name`'),
        revision: text,
        since: time,
        message: text,
        plan: text.optional(),
        pullRequest: z.number().int().optional(),
      }),
    )
    .describe('what waits for approval'),
})
