import { z } from 'zod'
import { DiagnosticsError, type Diagnostic } from '../../base/index.ts'

/** `off`: not looked for. `block`: the plan counts as failed until somebody allowed approves it. */
export const severities = ['off', 'info', 'warning', 'danger', 'block'] as const
export type Severity = (typeof severities)[number]

/** What each rule finds, and how bad it is where configuration says nothing. */
export const ruleFacts = {
  'delete-data': { severity: 'danger', description: 'deletes a volume claim, a volume, or a StatefulSet' },
  'immutable-field': {
    severity: 'danger',
    description:
      'changes a field that cannot be changed: the apply is refused, or the object is deleted and created again',
  },
  'volume-claim-templates': { severity: 'danger', description: 'changes the volume claims of a StatefulSet' },
  'storage-shrink': { severity: 'danger', description: 'asks for less storage than there is' },
  'data-retention': { severity: 'danger', description: 'lets volumes be deleted with what uses them' },
  'definition-removal': {
    severity: 'block',
    description: 'deletes a CustomResourceDefinition, and with it all objects of its kind',
  },
  'definition-version-removal': {
    severity: 'danger',
    description: 'stops serving or storing a version of a CustomResourceDefinition',
  },
  'rbac-widening': { severity: 'warning', description: 'grants what was not granted before' },
  'rbac-wildcard': { severity: 'danger', description: 'grants all verbs, resources or groups' },
  'rbac-escalation': {
    severity: 'danger',
    description: 'grants rights to get further rights: escalate, bind, impersonate, tokens of service accounts, exec',
  },
  'rbac-cluster-admin': { severity: 'danger', description: 'binds somebody to cluster-admin' },
  'rbac-subjects': { severity: 'warning', description: 'binds somebody to a role who was not bound to it' },
  'rbac-everyone': { severity: 'danger', description: 'binds everybody, or everybody without a login' },
  'rbac-aggregation': { severity: 'warning', description: 'makes a role part of others, or others part of it' },
  'namespace-deletion': { severity: 'block', description: 'deletes a Namespace, and with it everything inside' },
  'prune-many': { severity: 'danger', description: 'deletes ten objects or more, or all of an application' },
  'replicas-zero': { severity: 'danger', description: 'scales a workload to nothing' },
  'autoscaler-zero': { severity: 'warning', description: 'lets an autoscaler scale to nothing' },
  'disruption-budget': {
    severity: 'warning',
    description: 'a disruption budget that allows no disruption: nodes cannot be drained',
  },
  'suspended-parent': {
    severity: 'warning',
    description: 'something above the application is suspended, so that the change does not arrive',
  },
  'dependency-never-ready': { severity: 'danger', description: 'depends on what can never be ready' },
  'image-floating': { severity: 'warning', description: 'an image without a tag, or with the tag latest' },
  'image-digest-lost': { severity: 'warning', description: 'an image that was pinned by its digest, and is no more' },
  privileged: { severity: 'danger', description: 'gives a container privileges over its node' },
  'host-access': { severity: 'danger', description: 'gives a Pod the files, network or processes of its node' },
  'service-type': {
    severity: 'warning',
    description: 'changes the type of a Service: its address changes, or it becomes public',
  },
  'service-selector': { severity: 'warning', description: 'changes which Pods a Service reaches' },
  'host-removal': { severity: 'warning', description: 'a host name that is not served any more' },
  'reference-removal': {
    severity: 'danger',
    description: 'deletes a Secret or ConfigMap that other objects still use',
  },
  'finalizer-removal': { severity: 'warning', description: 'takes a finalizer away: what it cleans up stays behind' },
  'webhook-fail-closed': {
    severity: 'warning',
    description: 'an admission webhook that refuses requests while it is away',
  },
} as const satisfies { readonly [rule: string]: { readonly severity: Severity; readonly description: string } }

export type RuleName = keyof typeof ruleFacts

export const ruleNames = Object.keys(ruleFacts) as readonly RuleName[]

/** The severity of every rule. */
export type Severities = { readonly [rule in RuleName]: Severity }

/** What counts where nothing is configured. */
export const defaultSeverities: Severities = Object.fromEntries(
  ruleNames.map((rule) => [rule, ruleFacts[rule].severity]),
) as Severities

const schema = z.record(z.string(), z.unknown())

/**
 * Severities from configuration: `{"replicas-zero": "warning", "image-floating": "off"}`; rules that are not named keep their default.
 *
 * @throws DiagnosticsError `plan-severities-invalid` with every name that is no rule and every value that is no severity.
 */
export function parseSeverities(value: unknown): Severities {
  const given = schema.safeParse(value)
  const fail = (messages: readonly string[]): never => {
    const findings = messages.map((message): Diagnostic => ({
      severity: 'error',
      code: 'plan-severities-invalid',
      message,
    }))
    throw new DiagnosticsError(findings, { code: 'plan-severities-invalid' })
  }
  if (!given.success)
    return fail(['the severities must be a map from rules to severities, such as {"replicas-zero": "warning"}'])
  const severity = z.enum(severities)
  const findings: string[] = []
  // What zod gives leaves out a key that JSON can hold, '__proto__'.
  const chosen: { [rule: string]: Severity } = {}
  for (const [rule, one] of Object.entries(value as object)) {
    const parsed = severity.safeParse(one)
    if (!ruleNames.some((name) => name === rule))
      findings.push(`'${rule}' is no rule; the rules are ${ruleNames.join(', ')}`)
    else if (!parsed.success) findings.push(`${rule}: must be one of ${severities.join(', ')}`)
    else chosen[rule] = parsed.data
  }
  return findings.length > 0 ? fail(findings) : { ...defaultSeverities, ...chosen }
}
