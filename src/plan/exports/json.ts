import { z } from 'zod'
import { EngineError } from '../../base/index.ts'
import { ruleNames, severities, type RuleName, type Severity } from '../dangers/names.ts'
import { actions, origins, type PlanDocument } from '../document.ts'
import { plain } from '../scrub.ts'
import { brand } from '../shown.ts'

/** What was stored was redacted before; the letters that steer terminals are looked for again. */
const shown = z.string().transform((text) => brand(plain(text)))
const line = z.int().min(1)
const count = z.int().min(0)
const origin = z.enum(['change', 'drift', 'both'])
const ref = z.strictObject({ group: shown, kind: shown, namespace: shown, name: shown })
const rule = z.enum(ruleNames as readonly [RuleName, ...RuleName[]])
const severity = z.enum(severities.filter((one): one is Exclude<Severity, 'off'> => one !== 'off'))

const difference = z.strictObject({
  path: shown,
  change: z.enum(['add', 'replace', 'remove']),
  origin: z.enum(origins),
  before: shown.exactOptional(),
  after: shown.exactOptional(),
  isHidden: z.literal(true).exactOptional(),
})

const object = z.strictObject({
  ref,
  action: z.enum(actions),
  origin,
  note: shown.exactOptional(),
  file: shown.exactOptional(),
  line: line.exactOptional(),
  from: shown.exactOptional(),
  to: shown.exactOptional(),
  differences: z.array(difference),
  omitted: count,
})

const application = z.strictObject({
  cluster: shown,
  kind: shown,
  namespace: shown,
  name: shown,
  tenant: shown.exactOptional(),
  state: z.enum(['planned', 'unaffected', 'failed', 'held', 'blocked']),
  reason: shown.exactOptional(),
  errors: z.array(
    z.strictObject({
      message: shown,
      phase: shown,
      file: shown.exactOptional(),
      line: line.exactOptional(),
      object: shown.exactOptional(),
    }),
  ),
  live: z.enum(['read', 'not-asked', 'denied', 'unreachable']),
  chart: z.strictObject({ name: shown, before: shown.exactOptional(), after: shown.exactOptional() }).exactOptional(),
  images: z.array(
    z.strictObject({ before: shown.exactOptional(), after: shown.exactOptional(), containers: z.array(shown) }),
  ),
  objects: z.array(object),
  unchanged: count,
  omittedObjects: count.exactOptional(),
})

const danger = z.strictObject({
  rule,
  severity,
  message: shown,
  cluster: shown,
  application: shown,
  object: ref.exactOptional(),
  origin,
  file: shown.exactOptional(),
  line: line.exactOptional(),
})

const document = z.strictObject({
  version: z.literal(1),
  change: z.strictObject({ repository: shown, pullRequest: line.exactOptional(), base: shown, head: shown }),
  reference: shown.exactOptional(),
  dangers: z.array(danger),
  applications: z.array(application),
  omitted: count.exactOptional(),
  unplanned: z.array(z.strictObject({ cluster: shown, reason: shown })).exactOptional(),
})

/** A plan as JSON, in the form of {@link planJsonSchema}. */
export function planJson(plan: PlanDocument): string {
  return JSON.stringify(plan)
}

/** The JSON Schema (2020-12) of {@link planJson}. */
export function planJsonSchema(): object {
  return z.toJSONSchema(document, { io: 'input' })
}

/** A stored plan. @throws EngineError `plan-unreadable`; what it says names fields and no values. */
export function parsePlan(text: string): PlanDocument {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new EngineError('the stored plan is no JSON; plan again', {
      code: 'plan-unreadable',
      data: { kind: String(error instanceof SyntaxError) },
    })
  }
  const result = document.safeParse(value)
  if (result.success) return result.data
  const fields = result.error.issues.slice(0, 5).map(({ path }) => path.join('.'))
  throw new EngineError(`the stored plan is of another form (${fields.join(', ')}); plan again`, {
    code: 'plan-unreadable',
  })
}
