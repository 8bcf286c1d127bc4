import { z } from 'zod'
import { DiagnosticsError } from '../../src/base/index.ts'
import type { ForgeKind } from '../../src/forges/index.ts'
import { parseSeverities, severities, type Severity } from '../../src/plan/index.ts'
import { repositoryOf } from '../feedback-config.ts'
import { manifestsSchema, type ManifestRule } from '../manifests/config.ts'
import type { ConfigReader } from '../reading-config.ts'

/** Whose pull requests are planned, with which credential, and how. */
export interface PlanRule {
  readonly forge: ForgeKind
  /** `https://github.com/org/*`; a `*` stands for one part of the path. The host is never taken from a webhook. */
  readonly repository: string
  /** Where the forge is asked, if not at the repository's host. */
  readonly apiHost?: string
  /** Name of the secret with a token that may read the repository and its pull requests, comment, and set statuses. */
  readonly tokenSecret?: string
  /** In its place an App of GitHub, which also has check runs. */
  readonly app?: { readonly id: number; readonly keySecret: string; readonly installation?: number }
  /** Whether clusters are asked: default yes. Without it base and head are compared, from Git alone. */
  readonly live?: boolean
  /** Pull requests from forks. `never` (default). `maintainer`: a commit for which somebody with the right to write has asked by `/plan`. `git-only`: always. Never with secrets, never against a cluster. */
  readonly forks?: 'never' | 'maintainer' | 'git-only'
  /** How bad findings are; what is named here cannot be changed by the repository. */
  readonly severities?: { readonly [rule: string]: Severity }
  /** Name of the check (`<context>/plan`), and what tells this deployment's comment from another's; default `sluice`. */
  readonly context?: string
  /** What both commits render, as plain YAML: files of the API and pages, and a branch for each pull request where one is named. Default: none. */
  readonly manifests?: ManifestRule
}

/** What `PLANS` and `PLAN_KEY` say. */
export interface PlansConfig {
  readonly plans: readonly PlanRule[]
  /** Keys digests, placeholders of secrets and the seals of stored plans. */
  readonly planKey?: Uint8Array
}

/** Bytes of a key that cannot be guessed. */
const minKeyBytes = 16

const secretName = z.string().regex(/^[A-Z][A-Z0-9_]{0,127}$/, 'must be the name of a secret; never the secret itself')
const httpUrl = z.url({ protocol: /^https?$/, error: 'must be a URL' })
const id = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER)

const plansSchema = z.array(
  z
    .strictObject({
      forge: z.enum(['github', 'gitlab', 'gitea']),
      repository: httpUrl.refine(
        (url) => partsOf(url).length >= 2,
        'must name repositories, such as https://github.com/org/*',
      ),
      apiHost: httpUrl.optional(),
      tokenSecret: secretName.optional(),
      app: z.strictObject({ id, keySecret: secretName, installation: id.optional() }).optional(),
      live: z.boolean().optional(),
      forks: z.enum(['never', 'maintainer', 'git-only']).optional(),
      severities: z.record(z.string(), z.enum(severities)).optional(),
      context: z
        .string()
        .regex(
          /^[A-Za-z0-9](?:(?:[A-Za-z0-9._]|-(?!-)){0,48}[A-Za-z0-9])?$/,
          'must be letters, digits, ".", "_" and single "-"',
        )
        .optional(),
      manifests: manifestsSchema.optional(),
    })
    .superRefine((rule, context) => {
      const complain = (path: string, message: string): void =>
        context.addIssue({ code: 'custom', path: [path], message })
      if ((rule.tokenSecret === undefined) === (rule.app === undefined))
        complain('tokenSecret', 'give either tokenSecret or app')
      if (rule.app !== undefined && rule.forge !== 'github') complain('app', 'only GitHub has Apps')
      for (const message of severityProblems(rule.severities ?? {})) complain('severities', message)
    }),
)

function partsOf(url: string): readonly string[] {
  return URL.canParse(url) ? new URL(url).pathname.split('/').filter((part) => part !== '') : []
}

/** What is wrong with severities, wherever they come from. */
export function severityProblems(value: unknown): readonly string[] {
  try {
    parseSeverities(value)
    return []
  } catch (caught) {
    if (caught instanceof DiagnosticsError) return caught.diagnostics.map(({ message }) => message)
    throw caught
  }
}

/** Reads `PLANS` and `PLAN_KEY`. */
export function loadPlansConfig({ read, parse, complain }: ConfigReader): PlansConfig {
  const plans = parse('PLANS', plansSchema, []) as readonly PlanRule[]
  for (const { tokenSecret, app } of plans) {
    const [field, name = ''] = app === undefined ? ['tokenSecret', tokenSecret] : ['app.keySecret', app.keySecret]
    if ((read(name) ?? '') === '') complain(`PLANS.${field}`, `there is no secret ${name}`)
  }
  const key = new TextEncoder().encode(read('PLAN_KEY')?.trim() ?? '')
  if (key.length === 0) {
    if (plans.length > 0)
      complain(
        'PLAN_KEY',
        'is missing: PLANS needs a secret that keys what is stored of plans (openssl rand -base64 32)',
      )
    return { plans }
  }
  if (key.length < minKeyBytes) complain('PLAN_KEY', `needs at least ${minKeyBytes} bytes (openssl rand -base64 32)`)
  return { plans, planKey: key }
}

/** A repository that a rule is for. Only the path comes from a webhook, and the rule has allowed it. */
export interface PlanTarget {
  readonly rule: PlanRule
  /** Where the forge is asked: `https://github.com`. */
  readonly host: string
  readonly owner: string
  readonly name: string
  /** URL at the forge. Tells repositories apart. */
  readonly address: string
  /** Of the URLs of a webhook those that name this repository. */
  readonly urls: readonly string[]
}

/**
 * The repository that a webhook of `provider` is about, where a rule is for it; the first rule counts.
 *
 * @param urls those of a verified webhook.
 */
export function planTargetOf(
  rules: readonly PlanRule[],
  provider: string,
  urls: readonly string[],
): PlanTarget | undefined {
  for (const rule of rules) {
    const address = rule.forge === provider ? repositoryOf(rule, urls) : undefined
    if (address === undefined) continue
    const { origin, pathname } = new URL(address)
    const parts = pathname.split('/').slice(1).map(decodeURIComponent)
    return {
      rule,
      host: origin,
      owner: parts.slice(0, -1).join('/'),
      name: parts.at(-1) ?? '',
      address,
      urls: urls.filter((url) => repositoryOf(rule, [url]) === address),
    }
  }
  return undefined
}

/** The same for the URL of a source in a cluster. */
export function planTargetAt(rules: readonly PlanRule[], url: string): PlanTarget | undefined {
  for (const rule of rules) {
    const found = planTargetOf([rule], rule.forge, [url])
    if (found !== undefined) return found
  }
  return undefined
}

/** Name of what a rule reports. */
export function contextOf({ context = 'sluice' }: PlanRule): string {
  return context
}
