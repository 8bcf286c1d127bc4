import { z } from 'zod'
import { deliveryOutcomes, objectStates } from '../../src/observe/index.ts'

// What the API answers, field by field: nothing that is not listed here gets out, and the OpenAPI document is made of the same schemas.

const text = z.string()
const time = z.number().int().describe('milliseconds since 1970')
const count = z.number().int().min(0)

export const objectKey = z.strictObject({ kind: text, namespace: text, name: text })
export const conditionStatus = z.enum(['True', 'False', 'Unknown'])
export const objectState = z.enum(objectStates).describe('how the object stands, in one word')
export const nodeState = z.enum(['ready', 'waiting', 'blocked', 'failed', 'skipped'])
export const runState = z.enum(['queued', 'running', 'succeeded', 'partial', 'failed'])
export const trigger = z.enum(['push', 'scan', 'trigger'])
const failure = z.strictObject({ code: text, message: text })

export const error = z.strictObject({ error: failure })

export const health = z.strictObject({
  cluster: text,
  health: z
    .enum(['seen', 'stale', 'unknown'])
    .describe('whether what is known is recent; `unknown` where nobody has noted anything'),
  lastSeenAt: time.optional(),
  staleSince: time.optional(),
  error: failure.optional(),
})

export const credential = z
  .strictObject({
    kind: z.enum(['oidc', 'aws', 'gcp', 'azure', 'token', 'certificate', 'kubeconfig', 'binding', 'none']),
    issuedAt: time.optional(),
    expiresAt: time.optional(),
    note: text.optional(),
    issuer: text.optional(),
    audience: text.optional(),
    subject: text.optional(),
  })
  .describe('what the deployment logs in with; times are absent where the credential does not say them')

const held = z.strictObject({
  kind: z.enum(['suspended', 'approval', 'window', 'wave']),
  message: text,
  until: time.optional().describe('when it ends by itself'),
})

export const clusters = z.strictObject({
  clusters: z.array(
    health.extend({
      objects: z.record(text, count).describe('number of objects by state'),
      omitted: count.describe('objects that did not fit into the store'),
      credential: credential.optional(),
      held: held.optional().describe('why nothing in it is worked on'),
    }),
  ),
})

export const deployment = z.strictObject({
  version: text,
  build: text.optional().describe('what BUILD_ID of the deployment says'),
  webhooks: z.array(text).describe('forges whose deliveries are taken: those with a secret'),
  backlog: z
    .strictObject({ queued: count, running: count, oldestQueuedAt: time.optional() })
    .describe('runs that wait and that go on, of the last ones; at most 100 of each are counted'),
})

export const condition = z.strictObject({
  type: text,
  status: conditionStatus,
  reason: text,
  message: text,
  lastTransitionTime: text,
  observedGeneration: z.number().int().optional(),
})

export const objectHead = z.strictObject({
  cluster: text,
  kind: text,
  namespace: text,
  name: text,
  state: objectState,
  stale: z.boolean().describe('the cluster has not been seen lately'),
  suspended: z.boolean(),
  held: held
    .optional()
    .describe('why it is not worked on: its cluster is suspended or not approved yet, or a window is closed'),
  pin: z
    .strictObject({ to: text, by: text.optional(), reason: text.optional(), until: text.optional() })
    .optional()
    .describe('the revision it is kept at although its source goes on'),
  ready: z.strictObject({ status: conditionStatus, reason: text, message: text, since: text }).optional(),
  attemptedRevision: text.optional(),
  appliedRevision: text.optional(),
  unaffectedBy: text
    .optional()
    .describe('a later revision of its source that changes nothing for it, and so is not applied'),
  source: objectKey.optional(),
  chart: z.strictObject({ name: text, version: text.optional(), appVersion: text.optional() }).optional(),
  waitsFor: z.array(z.strictObject({ id: text, message: text })),
  inventory: count.optional().describe('number of objects in the inventory'),
  lastChange: z.strictObject({ run: text, at: time }).optional(),
})

export const objects = z.strictObject({
  objects: z.array(objectHead),
  cursor: text.optional().describe('for the next page; absent on the last'),
})

export const outcome = z.strictObject({
  run: text,
  trigger,
  at: time,
  state: nodeState,
  revision: text.optional(),
  reason: text.optional(),
  message: text.optional(),
  created: count,
  configured: count,
  deleted: count,
  drifted: count.describe('objects that differed although nothing had changed in Git'),
})

const push = z.strictObject({
  provider: text,
  repository: text.optional(),
  ref: text,
  before: text.optional(),
  after: text.optional(),
  actor: text.optional(),
})

export const stages = z.strictObject({
  receivedAt: time.optional(),
  fetchedAt: time.optional(),
  renderedAt: time.optional(),
  appliedAt: time.optional(),
  healthyAt: time.optional(),
})

const recordHead = z.strictObject({
  cluster: text,
  state: runState,
  startedAt: time.optional(),
  finishedAt: time.optional(),
  stages,
  objects: count,
  ready: count,
  changes: count,
  drifted: count,
  requests: count.optional().describe("requests to the cluster's API server"),
  mergedInto: text.optional().describe('the run that did the work of this one too'),
  retryAt: time.optional(),
  failedAttempts: count.optional(),
  error: failure.optional(),
})

export const runHead = z.strictObject({
  id: text,
  trigger,
  state: runState,
  receivedAt: time,
  actor: text.optional(),
  push: push.optional(),
  plan: text.optional().describe('id of the plan of a pull request that it makes'),
  clusters: z.array(recordHead),
})

export const runs = z.strictObject({
  runs: z.array(runHead),
  before: text.optional().describe('for the next page, which may also follow one that is not full'),
})

export const run = runHead.extend({
  clusters: z.array(
    recordHead.extend({
      nodes: z.array(
        z.strictObject({
          kind: text,
          namespace: text,
          name: text,
          state: nodeState,
          revision: text.optional(),
          reason: text.optional(),
          message: text.optional(),
          unchanged: count,
          changes: z.array(
            z.strictObject({
              object: text,
              action: text,
              drift: z.array(text).optional().describe('paths of fields, never their values'),
            }),
          ),
          changesOmitted: count.optional(),
          startedAt: time,
          renderedAt: time.optional(),
          appliedAt: time.optional(),
          finishedAt: time,
        }),
      ),
    }),
  ),
})

export const actions = z.strictObject({
  actions: z.array(
    z.strictObject({
      id: text,
      at: time,
      actor: text.describe('who, as far as is proven'),
      how: text.describe('by which way: a page, a token, a comment, a login'),
      action: text,
      target: z
        .strictObject({
          cluster: text.optional(),
          kind: text.optional(),
          namespace: text.optional(),
          name: text.optional(),
          plan: text.optional(),
          run: text.optional(),
        })
        .optional()
        .describe('absent for what is about no object, such as a sign-in, and for everything everywhere'),
      reason: text.optional(),
      outcome: z.enum(['done', 'refused', 'failed']),
      run: text.optional().describe('the run that followed'),
    }),
  ),
  before: text.optional().describe('for the next page, which may also follow one that is not full'),
})

export const publicClusters = z.strictObject({
  clusters: z.array(
    z.strictObject({ cluster: text, health: z.enum(['seen', 'stale', 'unknown']), lastSeenAt: time.optional() }),
  ),
})

export const publicObjects = z.strictObject({
  objects: z.array(
    z.strictObject({
      cluster: text,
      kind: text,
      namespace: text,
      name: text,
      state: text.describe('how the object stands, in one word'),
      revision: text.optional().describe('eight digits of a commit or digest, or a version'),
      since: time.optional(),
    }),
  ),
  cursor: text.optional().describe('for the next page; absent on the last'),
})

export const planHead = z.strictObject({
  id: text,
  repository: text,
  number: z.number().int().optional().describe('absent for a plan after a merge whose pull request is not known'),
  title: text,
  author: text,
  webUrl: text,
  fork: z.boolean(),
  branch: text,
  base: text,
  head: text,
  state: z
    .enum(['current', 'superseded', 'merged', 'closed'])
    .describe('`superseded`: a newer commit of the pull request is planned'),
  mergeCommit: text.optional(),
  afterMerge: z
    .array(text)
    .optional()
    .describe('clusters that wait for it: what was merged is not what was approved, and was planned again'),
  verdict: z
    .enum(['failed', 'incomplete', 'blocked', 'dangers', 'changes', 'nothing'])
    .optional()
    .describe('absent while it is being made'),
  touched: count.optional().describe('applications to which something would happen'),
  dangers: count.optional(),
  run: text.describe('the run that made it'),
  at: time,
  askedBy: text.optional().describe('who asked for it by a comment'),
  live: z.enum(['read', 'denied']).describe('whether clusters were asked'),
  secrets: z.enum(['used', 'withheld']).describe('whether secrets took part'),
  manifests: z.literal(true).optional().describe('what both commits render is stored as YAML'),
})

export const commit = z.strictObject({
  commit: text,
  push: z
    .strictObject({
      provider: text,
      ref: text,
      actor: text.optional(),
      receivedAt: time,
      url: text.optional().describe('the page of the commit at the forge'),
    })
    .optional(),
  plans: z.array(planHead).describe('plans of pull requests whose head it is, or which it brought'),
  clusters: z.array(
    z.strictObject({
      cluster: text,
      health,
      progress: z.enum(['queued', 'applying', 'failed', 'healthy', 'superseded', 'unconcerned', 'unreachable']),
      stages: stages.describe('when the last object reached each stage; absent while one of them has not'),
      objects: z.array(
        z.strictObject({
          kind: text,
          namespace: text,
          name: text,
          outcome: nodeState.optional(),
          state: z.union([objectState, z.literal('gone')]),
          isCurrent: z.boolean().describe('its state still comes from this commit'),
          changes: count,
          stages,
          reason: text.optional(),
          message: text.optional(),
          waitsFor: z.array(text),
          waited: z
            .strictObject({ on: text, ms: z.number() })
            .optional()
            .describe('what it had to wait for after the commit was fetched, and how long'),
          isCritical: z
            .literal(true)
            .optional()
            .describe('it is part of the chain that ends with what was healthy last'),
        }),
      ),
      missing: z.array(text).describe('ids of objects that the commit has not arrived at'),
      unaffected: count.describe('Kustomizations of the same source for which the commit changes nothing'),
      error: failure.optional(),
    }),
  ),
  runs: z.array(runHead),
})

export const plans = z.strictObject({
  plans: z.array(planHead),
  before: text.optional().describe('for the next page'),
})

const manifestSide = z.strictObject({
  state: z.enum(['rendered', 'failed']).describe('`failed`: it does not render; the plan says why'),
  objects: count.optional(),
  bytes: count.optional().describe('of the YAML'),
  digest: text.optional().describe('`sha256:…` of the YAML'),
  omitted: z.array(text).optional().describe('objects for which there was no room, the first of them'),
  omittedCount: count.optional(),
})

export const manifests = z.strictObject({
  plan: text,
  base: text,
  head: text,
  clusters: z.array(
    z.strictObject({
      cluster: text,
      state: z
        .enum(['stored', 'missing', 'forged'])
        .describe('`missing`: not there yet, or not any more; `forged`: not what was stored'),
      applications: z.array(
        z.strictObject({
          kind: text,
          namespace: text,
          name: text,
          base: manifestSide.optional().describe('absent where the base does not have it'),
          head: manifestSide.optional().describe('absent where the head does not have it'),
        }),
      ),
      omitted: z.array(text).describe('applications for which there was no room, the first of them'),
      omittedCount: count,
    }),
  ),
})

export const plan = planHead.extend({
  pending: z.boolean().describe('clusters are waited for'),
  times: z
    .strictObject({ receivedAt: time, queuedAt: time, plannedAt: time.optional(), toldAt: time.optional() })
    .describe(
      'when what asked for it came in, the forge had been asked, the last cluster had planned, and the forge was told',
    ),
  problems: z.array(text).describe('what is wrong with `.sluice/plan.yaml` of the base branch'),
  waiting: z
    .array(z.strictObject({ application: text, why: text }))
    .optional()
    .describe('what waited when it was planned after the merge'),
  approvals: z
    .array(z.strictObject({ cluster: text, by: text, at: time }))
    .describe('who has approved it for which cluster'),
  refused: z
    .strictObject({ by: text, why: text, at: time })
    .optional()
    .describe('the last command that was not followed'),
  document: z
    .looseObject({
      version: z.literal(1),
      dangers: z.array(z.looseObject({})),
      applications: z.array(z.looseObject({})),
    })
    .describe('the plan itself, as the export `json` has it'),
})

export const head = z
  .strictObject({
    state: objectState,
    since: time.optional().describe('since when it stands so; of what is ready, when it was last changed'),
    revision: text.optional(),
    waitsFor: text.optional().describe('id of the first thing that it waits for'),
    more: count.optional().describe('how many more things it waits for'),
    held: z.strictObject({ kind: z.enum(['suspended', 'approval', 'wave', 'window']), message: text }).optional(),
    behind: z.literal(true).optional().describe('its source has something newer that concerns it'),
    pin: text.optional(),
    message: text.optional().describe('why it failed or is not ready yet, or what has drifted; shortened'),
  })
  .describe('how an application stands in one cluster')

export const overview = z.strictObject({
  clusters: z.array(health).describe('the clusters of this part of the columns'),
  counts: z
    .strictObject({ all: count, rows: count, byState: z.record(text, count), behind: count, stale: count })
    .describe('of all that the filter leaves, whatever state it asks for'),
  rows: z.array(z.strictObject({ kind: text, namespace: text, name: text, inCluster: z.record(text, head) })),
  total: count.describe('rows on all pages'),
  page: count,
  pages: count,
  columns: count.describe('the part of the clusters that is shown'),
  columnPages: count,
})

export const deliveries = z.strictObject({
  deliveries: z.array(
    z.strictObject({
      id: text,
      at: time,
      provider: text,
      receiver: text.optional(),
      deliveryId: text,
      event: text,
      ref: text.optional(),
      verified: z.boolean(),
      outcome: z.enum(deliveryOutcomes),
      reason: text.optional(),
      run: text.optional(),
    }),
  ),
  before: text.optional().describe('for the next page, which may also follow one that is not full'),
})
