import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { createApp } from '../../../functions/app.ts'
import { listActions } from '../../../functions/action-log.ts'
import { listWaiting, type ApprovalStore } from '../../../src/reconcile/index.ts'
import { putSigned, waitKey, type WaitRecord } from '../../../src/reconcile/approval/records.ts'
import { testConfig, testDeps } from '../../support/function-deps.ts'
import { scopedState, tokensOf, withTokens } from '../../support/scoped-state.ts'
import { signInWithToken } from '../../support/sign-in.ts'

const origin = 'http://sluice.test'
const planKey = new TextEncoder().encode('a key of plans that only tests use')

const wait = (name: string, since: number): WaitRecord => ({
  application: `Kustomization/apps/${name}`,
  cluster: 'one',
  revision: `main@sha1:${'c'.repeat(40)}`,
  generation: 1,
  since,
  message: `<script>${name}</script> waits`,
  desired: 'a',
  artifacts: 'b',
  live: 'c',
})

describe('what waits on a cluster', () => {
  let deps: ReturnType<typeof testDeps>
  let store: ApprovalStore

  before(async () => {
    const plain = testConfig()
    deps = testDeps({ config: testConfig({ reading: withTokens(plain.reading), planKey }) })
    await scopedState(deps.state)
    store = { state: deps.state, clock: deps.clock, key: planKey }
    for (const [name, since] of [
      ['app', 1_000],
      ['shop', 2_000],
      ['redis', 3_000],
    ] as const)
      await putSigned(store, waitKey('one', `Kustomization/apps/${name}`), wait(name, since))
  })

  const send = (path: string, init: RequestInit = {}): Promise<Response> =>
    Promise.resolve(createApp(deps).fetch(new Request(origin + path, init)))
  const come = async (token: string): Promise<string> => signInWithToken(send, token, origin)
  const page = async (cookie: string): Promise<string> =>
    (await send('/ui/clusters/one', { headers: { cookie } })).text()
  const act = (cookie: string, fields: { readonly [name: string]: string }): Promise<Response> =>
    send('/ui/actions/approve', {
      method: 'POST',
      headers: { cookie, origin, host: 'sluice.test', 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(fields).toString(),
    })
  const formsOf = (text: string): readonly { readonly [name: string]: string }[] =>
    [...text.matchAll(/<form method="post" action="\/ui\/actions\/approve"[^>]*>([^]*?)<\/form>/g)].map(
      ([, form = '']) =>
        Object.fromEntries(
          [...form.matchAll(/name="([^"]+)" value="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]),
        ),
    )
  const waiting = async (): Promise<readonly string[]> =>
    (await listWaiting(store, 'one')).map(({ application }) => application.split('/')[2] ?? '').toSorted()

  it('is shown to who may look, without buttons, and its text is no markup', async () => {
    const text = await page(await come(tokensOf.viewer))
    assert.match(text, /Waits for approval/)
    assert.match(text, /&lt;script&gt;app/)
    assert.doesNotMatch(text, /<script>app/)
    assert.deepEqual(formsOf(text), [])
  })

  it('is approved one by one, as it was shown, after it was asked once more', async () => {
    const cookie = await come(tokensOf.maintainer)
    const forms = formsOf(await page(cookie))
    assert.equal(forms.length, 4)
    const form = forms.find(({ name }) => name === 'app') ?? {}
    const question = await act(cookie, form)
    assert.equal(question.status, 200)
    assert.deepEqual(await waiting(), ['app', 'redis', 'shop'])
    const confirmed = formsOf(await question.text())[0] ?? {}
    assert.equal((await act(cookie, { ...confirmed, csrf: 'x' })).status, 403)
    // Something else waits by now.
    await putSigned(store, waitKey('one', 'Kustomization/apps/app'), wait('app', 5_000))
    const outdated = await act(cookie, confirmed)
    assert.equal(outdated.status, 409)
    assert.match(await outdated.text(), /has changed since: Kustomization\/apps\/app/)
    assert.deepEqual(await waiting(), ['app', 'redis', 'shop'])
    const done = await act(cookie, { ...confirmed, seen: '5000' })
    assert.equal(done.status, 303)
    assert.deepEqual(await waiting(), ['redis', 'shop'])
    assert.deepEqual(deps.sent.at(-1)?.job.target, {
      objects: [{ kind: 'Kustomization', namespace: 'apps', name: 'app' }],
    })
  })

  it('is approved all at once', async () => {
    const cookie = await come(tokensOf.maintainer)
    const all = formsOf(await page(cookie)).find((form) => form['name'] === undefined) ?? {}
    assert.equal(all['seen'], '3000')
    assert.equal((await act(cookie, { ...all, seen: '', confirmed: 'yes' })).status, 400)
    assert.equal((await act(cookie, { ...all, confirmed: 'yes' })).status, 303)
    assert.deepEqual(await waiting(), [])
    assert.equal((await act(cookie, { ...all, confirmed: 'yes' })).status, 409)
    await deps.settled()
    const { actions } = await listActions(deps, { limit: 20 }, ({ action }) => action === 'approve')
    assert.deepEqual(
      actions.map(({ actor, outcome }) => [actor, outcome]),
      [
        ['the maintainer', 'failed'],
        ['the maintainer', 'done'],
        ['the maintainer', 'failed'],
        ['the maintainer', 'done'],
        ['the maintainer', 'failed'],
      ],
    )
  })
})
