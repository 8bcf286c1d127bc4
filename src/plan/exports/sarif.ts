import { ruleFacts, type RuleName } from '../dangers/names.ts'
import type { Danger, PlanDocument, PlanError, PlannedApplication } from '../document.ts'
import { labelOf } from '../object.ts'

/** The rule of what cannot be rendered, or is refused. */
const errorRule = 'plan-error'

const levels: { readonly [severity in Danger['severity'] | 'off']: 'none' | 'note' | 'warning' | 'error' } = {
  off: 'none',
  info: 'note',
  warning: 'warning',
  danger: 'error',
  block: 'error',
}

/** Results in one run that the code scanning of GitHub takes. */
const maxResults = 25_000

/**
 * A plan as SARIF 2.1.0 (OASIS): a result for each error and danger, at its file and line where these are known. `version` is ours.
 */
export function planSarif(plan: PlanDocument, options: { readonly version: string }): string {
  const errors = plan.applications.flatMap((application) =>
    application.errors.map((error) => errorResult(application, error)),
  )
  const unplanned = (plan.unplanned ?? []).map(({ cluster, reason }) => ({
    ruleId: errorRule,
    level: 'error',
    message: { text: messageText(`${cluster} was not planned: ${reason}`) },
    locations: [locationOf({}, cluster)],
  }))
  const results = [...unplanned, ...errors, ...plan.dangers.map(dangerResult)].slice(0, maxResults)
  const used = new Set(plan.dangers.map(({ rule }) => rule))
  const rules = [
    {
      id: errorRule,
      shortDescription: { text: 'cannot be rendered, or is refused' },
      defaultConfiguration: { level: 'error' },
    },
    ...[...used].sort().map((rule: RuleName) => ({
      id: rule,
      shortDescription: { text: ruleFacts[rule].description },
      defaultConfiguration: { level: levels[ruleFacts[rule].severity] },
    })),
  ]
  const log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      { tool: { driver: { name: 'Sluice', version: options.version, rules } }, columnKind: 'utf16CodeUnits', results },
    ],
  }
  return JSON.stringify(log, undefined, 2)
}

function errorResult({ cluster, kind, namespace, name }: PlannedApplication, error: PlanError): object {
  const where = `${cluster}: ${kind}/${namespace}/${name}`
  return {
    ruleId: errorRule,
    level: 'error',
    message: {
      text: messageText(`${error.object === undefined ? '' : `${error.object}: `}${error.message} (${where})`),
    },
    locations: [locationOf(error, error.object ?? where)],
  }
}

function dangerResult(danger: Danger): object {
  const where = `${danger.cluster}: ${danger.application}`
  return {
    ruleId: danger.rule,
    level: levels[danger.severity],
    message: { text: messageText(`${danger.message} (${where})`) },
    locations: [locationOf(danger, danger.object === undefined ? where : labelOf(danger.object))],
    properties: {
      severity: danger.severity,
      cluster: danger.cluster,
      application: danger.application,
      origin: danger.origin,
    },
  }
}

function locationOf({ file, line }: { readonly file?: string; readonly line?: number }, object: string): object {
  const logicalLocations = [{ fullyQualifiedName: object }]
  if (file === undefined) return { logicalLocations }
  const uri = file.split('/').map(encodeURIComponent).join('/')
  const region = line === undefined ? {} : { region: { startLine: Math.max(1, line) } }
  return { physicalLocation: { artifactLocation: { uri, uriBaseId: '%SRCROOT%' }, ...region }, logicalLocations }
}

/** Links and placeholders of SARIF's messages (3.11.5, 3.11.6) stay text. */
function messageText(text: string): string {
  return text
    .replaceAll(/[[\]\\]/g, (letter) => `\\${letter}`)
    .replaceAll('{', '{{')
    .replaceAll('}', '}}')
}
