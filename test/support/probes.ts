import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after } from 'node:test'
import { planReport } from '../../functions/plans/report.ts'
import type { PlanRecord } from '../../functions/plans/records.ts'
import { planDocument, planJson, planMarkdown, planSarif, planText } from '../../src/plan/index.ts'
import { planChange, type ApplicationManifests, type ChangeJob, type ChangePlan } from '../../src/reconcile/index.ts'
import { changeJob } from '../../src/reconcile/change/change-job.ts'
import type { Canaries } from './canaries.ts'
import { planKey, propose } from './change-plans.ts'
import type { TestCluster } from './cluster.ts'
import { createNamespace } from './create-namespace.ts'
import { endNamespace } from './end-namespace.ts'
import type { GitTestFile } from './git-repository.ts'
import { createScenario, type Scenario } from './scenario.ts'

/** Files of a proposal; null deletes one. */
export type Files = { readonly [path: string]: GitTestFile }

/** Everything that is shown or stored of one plan, by what it is. */
export type Outputs = { readonly [name: string]: string }

/** Two words of one length that sort alike; `right` is the secret. */
export interface Guess {
  readonly right: string
  readonly wrong: string
}

/** A secret and a word that is like it. They differ at their beginning: what is encoded is looked for without its end. */
export function guessOf(name: string): Guess {
  const stem = crypto.randomUUID().replaceAll('-', '')
  return { right: `${name}a${stem}`, wrong: `${name}b${stem}` }
}

export const hash = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Scenarios that last as long as the file: namespaces of `cluster` end with the test that made them. Call it at the top of a file. */
export function useScenarios(
  cluster: TestCluster,
): (files: { readonly [path: string]: GitTestFile }, canaries?: Canaries) => Promise<Scenario> {
  const open: Scenario[] = []
  const lasting: Parameters<typeof createScenario>[0] = {
    get client() {
      return cluster.client
    },
    get address() {
      return cluster.address
    },
    namespace: async () => {
      const name = `test-${crypto.randomUUID().slice(0, 8)}`
      await createNamespace(cluster.client, name)
      return name
    },
  }
  after(async () => {
    for (const made of open) {
      await endNamespace(cluster.client, made.namespace)
      await made.close()
    }
  })
  return async (files, canaries) => {
    const made = await createScenario(lasting, {
      files,
      limits: { healthPollMs: 100 },
      ...(canaries === undefined ? {} : { canaries }),
    })
    open.push(made)
    return made
  }
}

const plainStyle = { red: String, yellow: String, green: String, bold: String, dim: String, cyan: String }

/** Everything that anybody may see of the plan of a change, what a deployment would tell the forge, and what is stored and logged. */
export async function outputsOf(made: Scenario, files: Files): Promise<Outputs> {
  const commits = await propose(made, files)
  const change = {
    plan: 'p1',
    urls: [made.repository.url],
    repository: 'team/app',
    branch: 'refs/heads/main',
    live: 'read',
    secrets: 'used',
    manifests: true,
    ...commits,
  } as const
  const runId = crypto.randomUUID()
  const job: ChangeJob = { kind: 'trigger', runId, cluster: 'test', receivedAt: 0, plan: true, change }
  const plans: ChangePlan[] = []
  const logged = made.logLines.length
  const { record } = await changeJob({ ...made.deps, planKey }, job, {}, async (...given) => {
    const plan = await planChange(...given)
    plans.push(plan)
    return plan
  })
  const [plan] = plans
  assert.ok(plan !== undefined)
  const document = planDocument({ change: { repository: 'team/app', ...commits }, applications: plan.applications })
  const asRecord = { run: runId, change, problems: [] } as unknown as PlanRecord
  const report = planReport(asRecord, document, { context: 'sluice', url: 'https://sluice.example.com/ui/plans/p1' })
  assert.ok(report.check !== undefined)
  const { key: _key, ...check } = report.check
  const stored = await made.deps.state.get('plans/parts/p1/test')
  const told: Outputs = {
    json: planJson(document),
    markdown: planMarkdown(document, { id: 'p1' }),
    sarif: planSarif(document, { version: '1' }),
    text: planText(document, plainStyle),
    manifests: JSON.stringify(plan.manifests?.map(withOwnHashes)),
    check: JSON.stringify(check),
    comment: JSON.stringify(report.comment),
    record: JSON.stringify(record, withoutTimes),
    stored: JSON.stringify(stored, withoutTimes),
    counts: JSON.stringify([plan.renders]),
    log: made.logLines.slice(logged).join('\n'),
  }
  return Object.fromEntries(
    Object.entries(told).map(([name, text]) => [
      name,
      text
        // Markdown has letters as references to them, and so would a guess be hidden from what follows.
        .replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
        .replaceAll(runId, 'RUN')
        .replaceAll(commits.head, 'HEAD')
        .replaceAll(commits.head.slice(0, 12), 'HEAD')
        .replaceAll(/"(?:whole|desired|artifacts|live)":"[0-9a-f]{64}"/g, '"DIGEST"')
        .replaceAll(/"reference":"[0-9a-f]{24}"/g, '"REFERENCE"')
        .replaceAll(/"seal":"[^"]*"/g, '"SEAL"')
        // The hash of what a generator makes, which its author can work out.
        .replaceAll(/-[2456789bcdfghkmt]{10}\b/g, '-SUFFIX'),
    ]),
  )
}

/** A hidden value that only head has is the author's own, and so is what stands for it: that it is none of base's is what must be the same for all guesses. */
function withOwnHashes(application: ApplicationManifests): unknown {
  const { base, head } = application
  const known = new Set(JSON.stringify(base ?? '').match(hashes))
  return {
    ...application,
    head: JSON.stringify(head ?? '').replaceAll(hashes, (one) => (known.has(one) ? one : 'OWN')),
  }
}

const hashes = /\(hidden [0-9a-f]{8}\)/g

/** Without what is another one each time. How many requests a plan took is in its part, and is shown nowhere. */
function withoutTimes(name: string, value: unknown): unknown {
  return /(?:At|Ms|^runId|^id|^requests)$/.test(name) ? undefined : value
}

/** Everything that a guess shows of itself is called the same. */
function withoutGuess(told: Outputs, guess: string, traces: readonly string[]): Outputs {
  const own = [guess, encodeURIComponent(guess), Buffer.from(guess).toString('base64'), hash(guess), ...traces]
  return Object.fromEntries(
    Object.entries(told).map(([name, text]) => [
      name,
      own.reduce((left, one) => left.replaceAll(one, 'GUESS'), text).replaceAll(hash(guess).slice(0, 8), 'GUESS'),
    ]),
  )
}

/**
 * Proposes a right and a wrong guess; fails where anything that is shown or stored of the two differs, or where nothing was planned.
 *
 * @param traces What else a proposal says that follows from its guess: a hash in a name.
 */
export async function probe(
  made: Scenario,
  guess: Guess,
  files: (guess: string) => Files,
  traces: (guess: string) => readonly string[] = () => [],
): Promise<Outputs> {
  const right = await outputsOf(made, files(guess.right))
  const wrong = await outputsOf(made, files(guess.wrong))
  assert.deepEqual(
    withoutGuess(right, guess.right, traces(guess.right)),
    withoutGuess(wrong, guess.wrong, traces(guess.wrong)),
  )
  // A condition on a secret is false for its placeholder: then the version of the chart is what there is to see.
  assert.match(wrong['json'] ?? '', /"objects":\[\{|"chart":\{|"errors":\[\{/, 'nothing was planned')
  assert.doesNotMatch(wrong['json'] ?? '', /being terminated/)
  return wrong
}

export const configMap = (name: string, data: string, metadata = ''): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: "${name}", namespace: $NAMESPACE${metadata} }\ndata: ${data}\n`

export const kustomization = (name: string, path: string, more = ''): string =>
  `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: { name: ${name}, namespace: $NAMESPACE }
spec:
  interval: 1h
  path: "${path}"
  prune: true
  sourceRef: { kind: GitRepository, name: app }
${more}`

export const release = (name: string, values: string, more = ''): string => `apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: { name: ${name}, namespace: $NAMESPACE }
spec:
  interval: 1h
  chart: { spec: { chart: ./chart, reconcileStrategy: Revision, sourceRef: { kind: GitRepository, name: app } } }
  values: ${values}
${more}`

export const deployment = (name: string, env: string, replicas = '1'): string => `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: $NAMESPACE }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec: { containers: [{ name: app, image: "nginx:1", env: ${env} }] }
`

/** For {@link kustomization}: variables from a Secret `variables`. */
export const fromSecret = '  postBuild: { substituteFrom: [{ kind: Secret, name: variables }] }\n'

/** Puts a Secret into the namespace of a scenario. */
export async function putSecret(made: Scenario, name: string, stringData: object): Promise<void> {
  await made.client.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: made.namespace },
    stringData,
  })
}
