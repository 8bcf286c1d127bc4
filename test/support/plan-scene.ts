import type { PlanRule } from '../../functions/plans/config.ts'
import type { ForgeKind } from '../../src/forges/index.ts'
import type { PlanDocument } from '../../src/plan/index.ts'
import { forgeSecret } from './forge-deliveries.ts'
import { startForge, type ForgeServer } from './forge-api/server.ts'
import type { KeptComment, KeptPull, KeptRepository } from './forge-api/types.ts'

/** What a test may choose. */
export interface PlanSceneOptions {
  readonly kind: ForgeKind
  readonly hasApp?: boolean
  readonly files: { readonly [path: string]: string }
  /** What differs from the usual rule. */
  readonly rule?: Partial<PlanRule>
  /** Lets Git be read without a password, as the sources of the test do. */
  readonly isOpen?: boolean
}

/** A forge with a repository `team/fleet` whose hooks lead to a deployment that plans its pull requests. */
export interface PlanScene {
  readonly forge: ForgeServer
  readonly repository: KeptRepository
  /** Variables and secrets of the deployment. */
  readonly env: { readonly [name: string]: string }
  /** Registers the webhook of a deployment. */
  readonly connect: (deployment: { readonly url: string }) => void
  /** Our comments on a pull request. */
  readonly comments: (pull: KeptPull) => readonly KeptComment[]
  /** The latest report on a commit: `success: This change can be applied: 1 application`. */
  readonly check: (commit: string) => string
  readonly close: () => Promise<void>
}

export const fleet = 'team/fleet'

/** Starts the forge. */
export async function startPlanScene(options: PlanSceneOptions): Promise<PlanScene> {
  const { kind, hasApp = false, files, rule, isOpen = false } = options
  const forge = await startForge(kind, { hasApp, isOpen })
  const repository = await forge.create('team', 'fleet', files)
  repository.people.set('rob', 'write').set('eve', 'read')
  const plans: PlanRule = {
    forge: kind,
    repository: `${new URL(repository.git.url).origin}/team/*`,
    apiHost: forge.host,
    ...(hasApp ? { app: { id: 4711, keySecret: 'FORGE_APP_KEY' } } : { tokenSecret: 'FORGE_TOKEN' }),
    ...rule,
  }
  return {
    forge,
    repository,
    env: {
      PLANS: JSON.stringify([plans]),
      PLAN_KEY: 'a-key-of-plans-of-the-tests',
      FORGE_TOKEN: forge.token,
      [`${kind.toUpperCase()}_WEBHOOK_SECRET`]: forgeSecret,
      ...(hasApp ? { FORGE_APP_KEY: await appKey(forge) } : {}),
    },
    connect: ({ url }) => {
      const events = ['push', 'pull_request', 'pull_request_sync', 'issue_comment', 'pull_request_comment']
      repository.hooks.push({
        id: 1,
        url: `${url}/hook/${kind}`,
        secret: forgeSecret,
        events: [...events, 'push_events', 'merge_requests_events', 'note_events'],
        active: true,
        deliveries: [],
      })
    },
    comments: (pull) => pull.comments.filter(({ body }) => body.startsWith('<!-- sluice:')),
    check: (commit) => checkOf(repository, commit),
    close: () => forge.close(),
  }
}

function checkOf({ checkRuns, statuses }: KeptRepository, commit: string): string {
  const run = checkRuns.findLast((one) => one.commit === commit)
  if (run !== undefined) return `${run.conclusion ?? run.status}: ${run.title}`
  const status = statuses.findLast((one) => one.commit === commit)
  return status === undefined ? '' : `${status.state}: ${status.description}`
}

/** The private key of the forge's App, which it gives out once. */
async function appKey(forge: ForgeServer): Promise<string> {
  const url = `${forge.host}/api/v3/app-manifests/a-code-of-the-tests/conversions`
  const made = (await (await fetch(url, { method: 'POST' })).json()) as { readonly pem: string }
  return made.pem
}

/** Waits until something is so; fails with what it says instead. */
export async function eventually<T>(check: () => T | Promise<T>, timeoutMs = 30_000): Promise<T> {
  for (const end = Date.now() + timeoutMs; ;) {
    try {
      return await check()
    } catch (error) {
      if (Date.now() > end) throw error
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
  }
}

/** What the API says of plans. */
export interface ShownPlan {
  readonly id: string
  readonly number: number
  readonly state: string
  readonly verdict?: string
  readonly head: string
  readonly pending: boolean
  readonly document: PlanDocument
  readonly times: {
    readonly receivedAt: number
    readonly queuedAt: number
    readonly plannedAt?: number
    readonly toldAt?: number
  }
  readonly refused?: { readonly by: string; readonly why: string }
}

/** The rule of a scene's deployment for its repository. */
export function ruleOf({ env }: PlanScene): PlanRule {
  const [rule] = JSON.parse(env['PLANS'] ?? '[]') as readonly PlanRule[]
  if (rule === undefined) throw new Error('the scene has no rule for plans')
  return rule
}

/** Asks the API of a deployment. */
export async function askPlans<T>(
  deployment: { readonly url: string; readonly triggerToken: string },
  path = '/api/plans',
): Promise<T> {
  const response = await fetch(deployment.url + path, {
    headers: { authorization: `Bearer ${deployment.triggerToken}` },
  })
  if (response.status !== 200) throw new Error(`${path} is answered with ${response.status}: ${await response.text()}`)
  return (await response.json()) as T
}
