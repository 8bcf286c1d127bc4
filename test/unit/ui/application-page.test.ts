import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Browser } from 'playwright-core'
import { pageResponse } from '../../../functions/page-response.ts'
import type { LiveApplication, ObservedObject } from '../../../src/observe/index.ts'
import type { HistoryEntry } from '../../../src/reconcile/index.ts'
import {
  applicationPage,
  confirmPage,
  driftPage,
  icon,
  stylesheet,
  type ApplicationView,
} from '../../../src/ui/index.ts'
import { seriousInEveryLook } from '../../support/axe.ts'
import { serveApp, startBrowser, watchPage, withoutBrowser } from '../../support/browser.ts'
import { hostileTexts } from '../../support/hostile-state.ts'
import { newCommit } from '../../support/summary-objects.ts'

const all = hostileTexts.join(' ')
const now = Date.UTC(2026, 10, 20, 12)
const view = { now, user: 'ada', styleUrl: stylesheet().path }

/** Everything that a page of an application can show, with `text` wherever others choose it. */
function application(text: string | undefined, kind: 'Kustomization' | 'HelmRelease'): ApplicationView {
  const say = (usual: string): string => text ?? usual
  const condition = {
    type: say('Ready'),
    status: 'False' as const,
    reason: say('PruneFailed'),
    message: say('it would delete 12 of 14 objects; confirm it'),
    lastTransitionTime: '2026-11-20T11:00:00Z',
  }
  const summary: ObservedObject['summary'] = {
    kind,
    namespace: 'apps',
    name: 'shop',
    generation: 2,
    version: 1,
    suspended: true,
    suspension: { by: say('ada'), reason: say('the disk is full'), until: say('2026-12-01T00:00:00Z') },
    pin: { to: say(newCommit), by: say('bob'), reason: say('the new one leaks'), until: say('2026-12-01T00:00:00Z') },
    deleting: false,
    conditions: [{ ...condition, type: 'Ready' }, condition],
    attemptedRevision: say(`main@sha1:${newCommit}`),
    appliedRevision: say(`main@sha1:${'a'.repeat(40)}`),
    source: { kind: 'GitRepository', namespace: 'apps', name: say('app') },
    path: say('./apps/shop'),
    chart: { name: say('shop'), version: say('1.2.3'), appVersion: say('7.0') },
    dependsOn: [say('Kustomization/apps/infra')],
    blockers: [],
    commits: [newCommit],
    outcomes: [],
    inventory: 3,
  }
  const entry: HistoryEntry = {
    run: '01bbbbbbbbbbbbbbbbbbbbbbbb',
    trigger: 'push',
    at: now - 600_000,
    receivedAt: now - 606_000,
    renderedAt: now - 604_000,
    appliedAt: now - 602_000,
    state: 'ready',
    actor: say('octo'),
    revision: say(`main@sha1:${newCommit}`),
    reason: say('ReconciliationSucceeded'),
    message: say('Health check passed in 2 s'),
    created: 1,
    configured: 1,
    deleted: 0,
    drifted: 1,
    changes: [
      { object: say('Deployment/apps/web'), action: say('created') },
      {
        object: say('Service/apps/web'),
        action: say('configured'),
        note: say('recreated'),
        drift: [
          {
            path: say('.spec.ports[0].port'),
            change: 'replace',
            manager: say('kubectl'),
            live: say('80'),
            wanted: say('8080'),
          },
        ],
      },
    ],
  }
  const health = ['Current', 'InProgress', 'Failed', 'Terminating', 'NotFound', 'Unknown'] as const
  const look: LiveApplication = {
    readAt: now,
    conditions: [condition],
    nodes: health.map((status, index) => ({
      apiVersion: 'apps/v1',
      kind: say(index < 3 ? 'Deployment' : 'StatefulSet'),
      namespace: say('apps'),
      name: say(`web-${index}`),
      status,
      message: say('Replicas: 0/1: Pod web-1: container app: ImagePullBackOff'),
    })),
    omitted: 3,
    isElsewhere: false,
    releases:
      kind === 'Kustomization'
        ? []
        : [
            {
              version: 2,
              chart: say('shop'),
              chartVersion: say('1.2.3'),
              appVersion: say('7.0'),
              status: text === undefined ? 'deployed' : text,
              action: say('upgrade'),
              firstDeployed: '2026-11-19T10:00:00Z',
              lastDeployed: '2026-11-20T10:00:00Z',
              digest: say(`sha256:${'1'.repeat(64)}`),
              tests: [{ name: say('smoke'), phase: say('Succeeded'), completed: say('2026-11-20T10:01:00Z') }],
            },
          ],
    events: [
      {
        type: say('Warning'),
        reason: say('DriftReturns'),
        message: say('These differences come back each time'),
        count: 3,
        last: say('2026-11-20T11:59:00Z'),
        by: say('kustomize-controller'),
      },
    ],
    gaps: [say('Secret: the deployment may not read it')],
  }
  const related = (id: string) => ({ id: say(id), state: 'failed' as const })
  return {
    object: { cluster: say('production'), summary, state: 'blocked' },
    health: { cluster: say('production'), health: 'seen', lastSeenAt: now },
    relations: {
      source: { ...related('GitRepository/apps/app'), revision: say(`main@sha1:${newCommit}`) },
      dependsOn: [related('Kustomization/apps/infra')],
      dependants: [related('Kustomization/apps/tests')],
      children: [related('HelmRelease/apps/redis')],
      chain: [
        { ...related('Kustomization/apps/infra'), why: say('dependency is not ready') },
        { id: say('HelmRelease/apps/redis'), why: say('it is not there') },
      ],
    },
    history: [entry, { ...entry, state: 'failed', changes: [], created: 0, configured: 0, drifted: 0 }],
    windows: [
      { name: say('weekend'), kind: 'deny', isOpen: true },
      { name: '', kind: 'deny', isOpen: true, problem: say('it cannot be read') },
    ],
    look,
    offer: { may: () => true, tokenOf: () => say('a-token') },
    notice: { isProblem: true, text: say('It was so already.'), run: '01bbbbbbbbbbbbbbbbbbbbbbbb' },
  }
}

function pagesOf(text: string | undefined): { readonly [path: string]: Parameters<typeof pageResponse>[1] } {
  const say = (usual: string): string => text ?? usual
  const note = {
    owner: 'HelmRelease/apps/shop',
    object: say('Deployment/apps/web'),
    path: say('.spec.template.spec.containers[name="app"].image'),
    pointer: say('/spec/template/spec/containers/0/image'),
    change: 'replace' as const,
    action: say('configured'),
    manager: say('kubectl-edit'),
    writtenAt: say('2026-11-20T10:00:00Z'),
    live: say('"shop:evil"'),
    wanted: say('"shop:1.2.3"'),
    at: now,
    count: 4,
    firstSeen: now - 7_200_000,
  }
  const applications = [
    {
      cluster: say('production'),
      id: say('HelmRelease/apps/shop'),
      differences: [note, { ...note, change: 'add' as const }],
    },
  ]
  return {
    '/kustomization': applicationPage(view, application(text, 'Kustomization')),
    '/release': applicationPage(view, application(text, 'HelmRelease')),
    '/drift': driftPage(
      view,
      {
        applications,
        omitted: [say('production')],
        stale: [{ cluster: say('staging'), health: 'stale', staleSince: 1 }],
        unseen: [say('new')],
      },
      { page: 1 },
    ),
    '/confirm': confirmPage(view, {
      action: 'abort',
      title: say('Abort run 01bb?'),
      consequences: [say('It stops where it is.')],
      submit: say('Abort'),
      target: { run: say('01bb') },
      back: '/ui',
      offer: { tokenOf: () => say('token') },
    }),
  }
}

function serve(pages: ReturnType<typeof pagesOf>): ReturnType<typeof serveApp> {
  return serveApp({
    fetch: (request) => {
      const { pathname } = new URL(request.url)
      const page = pages[pathname]
      if (page !== undefined) return pageResponse(200, page)
      const isStyle = pathname === view.styleUrl
      const headers = { 'content-type': isStyle ? 'text/css' : 'image/svg+xml' }
      return new Response(isStyle ? stylesheet().css : icon, { headers })
    },
  })
}

const paths = Object.keys(pagesOf(undefined))

describe('pages of applications, drift and actions', { skip: withoutBrowser }, () => {
  let browser: Browser
  let plain: Awaited<ReturnType<typeof serveApp>>
  let hostile: Awaited<ReturnType<typeof serveApp>>
  before(async () => {
    browser = await startBrowser()
    plain = await serve(pagesOf(undefined))
    hostile = await serve(pagesOf(all))
  })
  after(async () => {
    await browser.close()
    await plain.close()
    await hostile.close()
  })

  it('run nothing of what others have written', async () => {
    const page = await browser.newPage()
    const { found } = watchPage(page, hostile.url)
    for (const path of paths) {
      await page.goto(`${hostile.url}${path}`)
      await page.mouse.move(100, 300)
      assert.equal(await page.evaluate('window.marked'), undefined, path)
      assert.deepEqual(found, [], path)
      assert.equal(await page.locator('script, iframe, img, main style').count(), 0, path)
      assert.equal(await page.locator('[onmouseover], [onerror], [onload]').count(), 0, path)
      assert.equal(await page.locator('a[href^="javascript:"], form:not([action^="/ui/"])').count(), 0, path)
    }
    await page.close()
  })

  for (const path of paths) {
    it(`fit a phone and a desktop in light and dark, and pass axe without a serious finding: ${path}`, async () => {
      const page = await browser.newPage()
      await page.goto(`${plain.url}${path}`)
      await page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
      for (const width of [360, 1280]) {
        await page.setViewportSize({ width, height: 800 })
        const overflow = Number(await page.evaluate('document.scrollingElement.scrollWidth - window.innerWidth'))
        assert.ok(overflow <= 0, `it is ${overflow} px too wide at ${width}`)
      }
      assert.deepEqual(await seriousInEveryLook(page), [])
      await page.close()
    })
  }

  it('tell the chain of what is waited for, what is ordered, and the rule that leaves drift alone', async () => {
    const page = await browser.newPage()
    await page.goto(`${plain.url}/release`)
    const text = await page.innerText('main')
    assert.match(text, /It is suspended by ada until 2026-12-01T00:00:00Z: the disk is full\./)
    assert.match(text, /It is pinned to b{40} by bob until .*: the new one leaks\./)
    assert.match(text, /infra ✕Failed\s+dependency is not ready[^]*redis ◌Not there\s+it is not there/)
    assert.match(text, /Push octo/)
    await page.goto(`${plain.url}/drift`)
    assert.equal(
      await page.locator('pre').textContent(),
      'spec:\n  driftDetection:\n    ignore:\n      - paths: ["/spec/template/spec/containers/0/image"]\n        target:\n          kind: "Deployment"\n          name: "web"\n          namespace: "apps"',
    )
    await page.close()
  })
})
