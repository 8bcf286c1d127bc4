import { createHmac, randomUUID } from 'node:crypto'
import type { Provider } from '../../src/receivers/index.ts'
import { makeSnsFake, snsTopic, type SnsFake } from './sns.ts'

export const forgeSecret = 'a secret of the forges'
const url = 'https://git.example/team/app.git'
const before = 'b'.repeat(40)
const after = 'a'.repeat(40)

/** A delivery before it is signed. */
export interface ForgeDelivery {
  readonly headers: { readonly [name: string]: string }
  readonly body: string
}

/** How a forge delivers a push to the branch `main`. */
export interface Forge {
  readonly provider: Provider
  /** What the configuration holds. */
  readonly secret: string
  readonly payload: (ref?: string) => { readonly [field: string]: unknown }
  /** A signed delivery of a payload. `id` is the forge's of the delivery. */
  readonly sign: (
    payload: unknown,
    options?: { readonly id?: string; readonly secret?: string; readonly event?: string },
  ) => ForgeDelivery
  /** The header with the proof; undefined where it is in the body. */
  readonly proof: string | undefined
  /** True where the body is part of what is proven. */
  readonly signsBody: boolean
}

const text = (payload: unknown): string => (typeof payload === 'string' ? payload : JSON.stringify(payload))
const mac = (body: string, secret: string, hash = 'sha256'): string =>
  createHmac(hash, secret).update(body).digest('hex')
const json = { 'content-type': 'application/json' }

/** One row per forge with an endpoint of the deployment. Payloads are written after the forges' documentation. */
export const forges: readonly Forge[] = [
  {
    provider: 'github',
    secret: forgeSecret,
    proof: 'x-hub-signature-256',
    signsBody: true,
    payload: (ref = 'refs/heads/main') => ({
      ref,
      before,
      after,
      repository: { clone_url: url, ssh_url: 'git@git.example:team/app.git', html_url: 'https://git.example/team/app' },
      sender: { login: 'jane' },
    }),
    sign: (payload, { id = randomUUID(), secret = forgeSecret, event = 'push' } = {}) => ({
      headers: {
        ...json,
        'x-github-event': event,
        'x-github-delivery': id,
        'x-hub-signature-256': `sha256=${mac(text(payload), secret)}`,
      },
      body: text(payload),
    }),
  },
  {
    provider: 'gitlab',
    secret: forgeSecret,
    proof: 'x-gitlab-token',
    signsBody: false,
    payload: (ref = 'refs/heads/main') => ({
      object_kind: 'push',
      ref,
      before,
      after,
      user_username: 'jane',
      project: { git_http_url: url },
    }),
    sign: (payload, { id = randomUUID(), secret = forgeSecret, event = 'Push Hook' } = {}) => ({
      headers: { ...json, 'x-gitlab-event': event, 'idempotency-key': id, 'x-gitlab-token': secret },
      body: text(payload),
    }),
  },
  {
    provider: 'gitea',
    secret: forgeSecret,
    proof: 'x-gitea-signature',
    signsBody: true,
    payload: (ref = 'refs/heads/main') => ({
      ref,
      before,
      after,
      repository: { clone_url: url, ssh_url: 'git@git.example:team/app.git', html_url: 'https://git.example/team/app' },
      pusher: { login: 'jane' },
    }),
    sign: (payload, { id = randomUUID(), secret = forgeSecret, event = 'push' } = {}) => ({
      headers: {
        ...json,
        'x-gitea-event': event,
        'x-gitea-delivery': id,
        'x-gitea-signature': mac(text(payload), secret),
      },
      body: text(payload),
    }),
  },
  {
    provider: 'bitbucket',
    secret: forgeSecret,
    proof: 'x-hub-signature',
    signsBody: true,
    payload: (ref = 'refs/heads/main') => ({
      eventKey: 'repo:refs_changed',
      actor: { name: 'jane' },
      repository: {
        slug: 'app',
        links: { clone: [{ name: 'http', href: url }], self: [{ href: 'https://git.example/projects/T' }] },
      },
      changes: [{ ref: { id: ref, type: 'BRANCH' }, fromHash: before, toHash: after, type: 'UPDATE' }],
    }),
    sign: (payload, { id = randomUUID(), secret = forgeSecret, event = 'repo:refs_changed' } = {}) => ({
      headers: {
        ...json,
        'x-event-key': event,
        'x-request-id': id,
        'x-hub-signature': `sha256=${mac(text(payload), secret)}`,
      },
      body: text(payload),
    }),
  },
  {
    provider: 'azuredevops',
    secret: forgeSecret,
    proof: 'authorization',
    signsBody: false,
    payload: (ref = 'refs/heads/main') => ({
      id: randomUUID(),
      eventType: 'git.push',
      publisherId: 'tfs',
      resource: {
        refUpdates: [{ name: ref, oldObjectId: before, newObjectId: after }],
        repository: { name: 'app', remoteUrl: url },
        pushedBy: { uniqueName: 'jane@example.com' },
      },
    }),
    sign: (payload, { id, secret = forgeSecret } = {}) => ({
      headers: { ...json, authorization: `Basic ${Buffer.from(`hook:${secret}`).toString('base64')}` },
      body: text(id === undefined || typeof payload === 'string' ? payload : { ...(payload as object), id }),
    }),
  },
]

/** The row of CodeCommit, whose proof is a signature of Amazon inside the body. */
export function codeCommitForge(sns: SnsFake): Forge {
  return {
    provider: 'codecommit',
    secret: snsTopic,
    proof: undefined,
    signsBody: true,
    payload: (ref = 'refs/heads/main') => ({
      Records: [
        {
          awsRegion: 'eu-west-1',
          eventSourceARN: 'arn:aws:codecommit:eu-west-1:123456789012:app',
          codecommit: { references: [{ ref, commit: after }] },
        },
      ],
    }),
    sign: (payload, { id = randomUUID(), secret = snsTopic } = {}) => ({
      headers: { 'content-type': 'text/plain; charset=UTF-8', 'x-amz-sns-topic-arn': secret },
      body: JSON.stringify(sns.message({ Message: text(payload), MessageId: id, TopicArn: secret })),
    }),
  }
}

/** A delivery as a request. */
export function forgeRequest(forge: Forge, delivery: ForgeDelivery): Request {
  return new Request(`http://sluice.test/hook/${forge.provider}`, { method: 'POST', ...delivery })
}

/** All of them with the SNS that signs for CodeCommit. */
export function allForges(): { readonly forges: readonly Forge[]; readonly sns: SnsFake } {
  const sns = makeSnsFake()
  return { forges: [...forges, codeCommitForge(sns)], sns }
}
