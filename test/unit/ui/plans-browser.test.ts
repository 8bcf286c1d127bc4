import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Browser } from 'playwright-core'
import { createApp } from '../../../functions/app.ts'
import { savePlan, savePull, type PlanRecord } from '../../../functions/plans/records.ts'
import { planDigest, planDocument, raw, type ApplicationInput } from '../../../src/plan/index.ts'
import { savePlanPart } from '../../../src/reconcile/index.ts'
import { serveApp, startBrowser, watchPage, withoutBrowser } from '../../support/browser.ts'
import { readToken, testConfig, testDeps } from '../../support/function-deps.ts'
import { hostileTexts } from '../../support/hostile-state.ts'

const key = new TextEncoder().encode('a key of plans of the tests')
const all = hostileTexts.join(' ')
const id = 'ab'.repeat(16)

function configMap(name: string, text: string): ApplicationInput['objects'][number] {
  const rendered = (value: string) => ({
    object: raw({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: all }, data: { [all]: value } }),
    open: 'itself' as const,
    file: all,
    line: 1,
  })
  return { base: rendered('before'), head: rendered(text) }
}

const claim = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: `data ${all}`, namespace: 'shop' },
  spec: {},
}

function application(cluster: string): ApplicationInput {
  return {
    cluster,
    kind: 'Kustomization',
    namespace: all,
    name: all,
    state: 'planned',
    reason: raw(all),
    errors: cluster === 'two' ? [{ message: raw(all), phase: all, file: all, line: 3 }] : [],
    prune: true,
    force: false,
    live: cluster === 'one' ? 'read' : 'not-asked',
    hasSecrets: false,
    chart: { base: { name: all, version: all }, head: { name: all, version: '2' } },
    objects: [
      ...hostileTexts.map((text, at) => configMap(`map-${at}`, text)),
      { base: { object: raw(claim), open: 'itself', file: all, line: 2 }, live: raw(claim) },
    ],
  }
}

/** A plan in which everything that somebody may choose is hostile. */
async function hostilePlan(): Promise<ReturnType<typeof testDeps>> {
  const deps = testDeps({ config: testConfig({ planKey: key }) })
  const records = { state: deps.state, key, logger: deps.logger }
  const change = {
    plan: id,
    urls: ['https://git.example/a'],
    repository: all,
    pullRequest: 7,
    branch: `refs/heads/${all}`,
    base: 'a'.repeat(40),
    head: 'b'.repeat(40),
    live: 'read',
    secrets: 'used',
  } as const
  const clusters = ['one', 'two', 'three']
  const plan: PlanRecord = {
    id,
    pull: 'cd'.repeat(16),
    repository: all,
    number: 7,
    title: all,
    author: all,
    webUrl: 'javascript:window.marked=1',
    isFork: true,
    change,
    attempt: 'delivery',
    askedBy: all,
    run: '01aaaaaaaaaaaaaaaaaaaaaaaa',
    listedAs: '01aaaaaaaaaaaaaaaaaaaaaaaa',
    at: deps.clock.now(),
    clusters,
    state: 'current',
    problems: [all],
  }
  await savePlan(records, plan)
  await savePull(records, plan.pull, {
    provider: 'github',
    urls: change.urls,
    repository: all,
    number: 7,
    title: all,
    author: all,
    webUrl: plan.webUrl,
    isFork: true,
    state: 'open',
    lookedAt: 1,
    latest: { kind: 'plan', plan: id },
    refused: { by: all, why: all, at: 1 },
  })
  for (const cluster of ['one', 'two']) {
    const document = planDocument({ change, applications: [application(cluster)] })
    const digest = planDigest([], key)
    await savePlanPart(deps.state, key, {
      plan: id,
      cluster,
      run: plan.run,
      madeAt: 1,
      document,
      digest,
      renders: 1,
      requests: 1,
    })
    const record = { id: plan.run, cluster, trigger: 'trigger', receivedAt: 1, nodes: [], timings: {} } as const
    await deps.runs.putRecord({ ...record, state: 'succeeded' })
  }
  return deps
}

describe('pages of plans in Chromium', { skip: withoutBrowser }, () => {
  let browser: Browser
  let served: Awaited<ReturnType<typeof serveApp>>
  before(async () => {
    browser = await startBrowser()
    served = await serveApp(createApp(await hostilePlan()))
  })
  after(async () => {
    await browser.close()
    await served.close()
  })

  for (const [name, width] of [
    ['a desktop', 1280],
    ['a phone', 390],
  ] as const)
    it(`show hostile texts as texts, on ${name}`, async () => {
      const page = await browser.newPage({ viewport: { width, height: 900 } })
      const misdeeds = watchPage(page, served.url)
      await page.goto(`${served.url}/ui/plans`)
      await page.fill('#token', readToken)
      await page.keyboard.press('Enter')
      await page.waitForURL(`${served.url}/ui/plans`)
      assert.match(await page.innerText('main'), /<script>window\.marked=1<\/script>/)
      await page.goto(`${served.url}/ui/plans/${id}`)
      const text = await page.innerText('main')
      assert.match(text, /Dangers/)
      assert.match(text, /deletes .*data <script>/)
      assert.match(text, /three is not here yet/)
      // Folded away, and opened without a script.
      const details = page.locator('details.plan').nth(1)
      assert.equal(await details.getAttribute('open'), null)
      await details.locator('summary').focus()
      await page.keyboard.press('Enter')
      assert.match(await details.innerText(), /\+ <script>window\.marked=1<\/script>/)
      assert.equal(await page.locator('a[href^="javascript"]').count(), 0)
      assert.equal(await page.evaluate('window.marked'), undefined)
      const isTooWide = await page.evaluate(
        'document.documentElement.scrollWidth > document.documentElement.clientWidth',
      )
      assert.equal(isTooWide, false, 'nothing sticks out of the page')
      assert.deepEqual(misdeeds.found, [])
      await page.close()
    })
})
