import type { Danger } from '../document.ts'
import { showName } from '../redact.ts'
import { dataRules } from './data.ts'
import { ruleNames, severities, type RuleName, type Severities } from './names.ts'
import { networkRules } from './network.ts'
import { rbacRules } from './rbac.ts'
import { say } from '../shown.ts'
import type { Finding, Rule, RuleContext } from './rule.ts'
import { workloadRules } from './workloads.ts'

/** Every rule by its name. */
export const dangerRules: { readonly [rule in RuleName]: Rule } = {
  ...dataRules,
  ...rbacRules,
  ...workloadRules,
  ...networkRules,
}

/** Findings of one rule about one application that are kept; the last one counts the others. */
const maxFindings = 100

/** Everything that the rules find about one application, in the order of the rules; rules that are off are not asked. */
export function findDangers(context: RuleContext, chosen: Severities): readonly Danger[] {
  const { cluster, kind, namespace, name } = context.application
  return ruleNames.flatMap((rule) => {
    const severity = chosen[rule]
    if (severity === 'off') return []
    return limit(rule, dangerRules[rule](context)).map(({ message, object }): Danger => ({
      rule,
      severity,
      message,
      cluster: showName(cluster),
      application: showName(`${kind}/${namespace}/${name}`),
      origin: object?.origin ?? 'change',
      ...(object === undefined ? {} : { object: object.ref }),
      ...(object?.planned.file === undefined ? {} : { file: object.planned.file }),
      ...(object?.planned.line === undefined ? {} : { line: object.planned.line }),
    }))
  })
}

/** The worst first; what is equally bad stays in its order. */
export function sortDangers(dangers: readonly Danger[]): readonly Danger[] {
  return dangers.toSorted((a, b) => severities.indexOf(b.severity) - severities.indexOf(a.severity))
}

function limit(rule: RuleName, findings: readonly Finding[]): readonly Finding[] {
  if (findings.length <= maxFindings) return findings
  return [
    ...findings.slice(0, maxFindings),
    { message: say`${findings.length - maxFindings} more findings of ${showName(rule)}` },
  ]
}
