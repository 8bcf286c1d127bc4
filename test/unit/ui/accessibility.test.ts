import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { after, before, describe, it } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { createApp } from '../../../functions/app.ts'
import { recordDelivery } from '../../../functions/delivery-log.ts'
import { serveApp, startBrowser, withoutBrowser } from '../../support/browser.ts'
import { readToken, testDeps } from '../../support/function-deps.ts'
import { hostilePages, hostileState } from '../../support/hostile-state.ts'
import { observedState, pushRun } from '../../support/observed-state.ts'
import { newCommit } from '../../support/summary-objects.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const pages = [
  '/ui',
  '/ui?state=failed&text=broken',
  '/ui?show=sources',
  '/ui?namespace=none',
  '/ui/commits',
  `/ui/commits/${newCommit}`,
  '/ui/deliveries',
  '/ui/deliveries?outcome=failed',
  '/ui/runs?quiet=true',
  `/ui/runs/${pushRun}`,
  '/ui/objects/one/Kustomization/apps/shop',
  '/ui/runs/01zzzzzzzzzzzzzzzzzzzzzzzz',
  '/ui/sign-in',
]

const run = `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations
  .filter(({ impact }) => impact === 'serious' || impact === 'critical')
  .map(({ id, nodes }) => id + ': ' + nodes.slice(0, 3).map(({ html }) => html.slice(0, 160)).join(' | ')))`

describe('pages as axe sees them', { skip: withoutBrowser }, () => {
  let browser: Browser
  let plain: Awaited<ReturnType<typeof serveApp>>
  let hostile: Awaited<ReturnType<typeof serveApp>>
  before(async () => {
    const deps = testDeps()
    await observedState(deps.state)
    const push = {
      provider: 'github',
      deliveryId: 'one',
      event: 'push',
      ref: 'refs/heads/main',
      verified: true,
    } as const
    recordDelivery(deps, { ...push, outcome: 'run', run: pushRun })
    recordDelivery(deps, { ...push, verified: false, outcome: 'refused', reason: 'the signature is wrong' })
    await deps.settled()
    const hostileDeps = testDeps()
    await hostileState(hostileDeps.state)
    browser = await startBrowser()
    plain = await serveApp(createApp(deps))
    hostile = await serveApp(createApp(hostileDeps))
  })
  after(async () => {
    await browser.close()
    await plain.close()
    await hostile.close()
  })

  /** The same pages as a browser with a session gets; axe is put in by the debugger, which no policy binds. */
  const open = async (options: Parameters<Browser['newContext']>[0]): Promise<Page> => {
    const context = await browser.newContext({
      ...options,
      extraHTTPHeaders: { authorization: `Bearer ${readToken}` },
    })
    return context.newPage()
  }
  const findings = async (page: Page, url: string): Promise<readonly string[]> => {
    await page.goto(url)
    await page.evaluate(axe)
    return (await page.evaluate(run)) as readonly string[]
  }

  for (const [name, width] of [
    ['a phone', 360],
    ['a desktop', 1280],
  ] as const) {
    for (const colorScheme of ['light', 'dark'] as const) {
      it(`have nothing serious on ${name}, ${colorScheme}`, async () => {
        const page = await open({ colorScheme, viewport: { width, height: 800 } })
        for (const path of pages) assert.deepEqual(await findings(page, plain.url + path), [], path)
        await page.context().close()
      })
    }
  }

  it('have nothing serious where others have written what they can', async () => {
    const page = await open({ viewport: { width: 360, height: 800 } })
    for (const path of hostilePages) assert.deepEqual(await findings(page, hostile.url + path), [], path)
    await page.context().close()
  })

  it('are found by axe to have what is wrong with them', async () => {
    const page = await open({})
    await page.goto(`${plain.url}/ui`)
    await page.evaluate(
      `document.querySelector('.filter input').closest('label').replaceWith(document.createElement('input'))`,
    )
    await page.evaluate(axe)
    const found = (await page.evaluate(run)) as readonly string[]
    assert.match(found.join('\n'), /^label:/m)
    await page.context().close()
  })
})
