import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { createApp } from '../../../functions/app.ts'
import { liveScript } from '../../../src/ui/index.ts'
import { serveApp, startBrowser, watchPage, withoutBrowser } from '../../support/browser.ts'
import { readToken, testDeps } from '../../support/function-deps.ts'
import { observedState, saveRun } from '../../support/observed-state.ts'
import { gitRepository, kustomization, newCommit, readyCondition } from '../../support/summary-objects.ts'

it('the script of the pages is small', () => {
  assert.ok(new TextEncoder().encode(liveScript().js).length < 6_000)
})

describe('pages that refresh themselves, in Chromium', { skip: withoutBrowser }, () => {
  let browser: Browser
  before(async () => {
    browser = await startBrowser()
  })
  const closers: (() => Promise<void>)[] = []
  after(async () => {
    for (const close of closers) await close()
    await browser.close()
  })

  interface Open {
    readonly page: Page
    readonly deps: ReturnType<typeof testDeps>
    readonly misdeeds: readonly string[]
    /** Something fails in cluster `one`, as a run saves it. */
    readonly change: (name: string) => Promise<void>
  }

  const open = async (path: string, options: Parameters<Browser['newContext']>[0] = {}): Promise<Open> => {
    const deps = testDeps()
    await observedState(deps.state)
    const served = await serveApp(createApp(deps))
    const context = await browser.newContext({
      ...options,
      extraHTTPHeaders: { authorization: `Bearer ${readToken}` },
    })
    closers.push(async () => {
      await context.close()
      await served.close()
    })
    const page = await context.newPage()
    page.setDefaultTimeout(20_000)
    const { found } = watchPage(page, served.url)
    await page.goto(served.url + path)
    return {
      page,
      deps,
      misdeeds: found,
      change: async (name) => {
        const failed = readyCondition('False', 'BuildFailed', `${name} <img src=x onerror=alert(1)>`)
        const objects = [
          gitRepository(newCommit),
          kustomization('infra', { applied: newCommit }),
          kustomization(name, { ready: failed }),
        ]
        await saveRun(
          deps.state,
          { id: `01z${name.padEnd(20, 'z')}`, trigger: 'scan', receivedAt: Date.now(), clusters: ['one', 'two'] },
          'one',
          objects,
          [],
        )
        await deps.state.put('clusters/one', { cluster: 'one', lastSeenAt: Date.now() })
      },
    }
  }

  it('show what has changed, and keep focus, scroll, open parts and what is being typed', async () => {
    const { page, change, misdeeds } = await open('/ui', { viewport: { width: 700, height: 400 } })
    await page.waitForFunction(`document.getElementById('live-note').textContent === 'Live'`)
    await page.evaluate(`
      document.querySelector('[data-key="Kustomization/apps/infra"] a.cell').id = '';
      document.querySelector('[data-key="Kustomization/apps/infra"] a.cell').focus({ preventScroll: true });
      window.focused = document.activeElement;
      window.scrollTo(0, 120)`)
    await page.fill('.filter input[name=text]', 'half a wo', { force: true })
    await page.evaluate('window.focused.focus({ preventScroll: true })')
    const scrolled = await page.evaluate('window.scrollY')
    await change('brandnew')
    await page.waitForSelector('[data-key="Kustomization/apps/brandnew"]')
    assert.equal(await page.evaluate('document.activeElement === window.focused'), true)
    assert.equal(await page.evaluate('window.scrollY'), scrolled)
    assert.equal(await page.inputValue('.filter input[name=text]'), 'half a wo')
    assert.equal(await page.locator('[data-key="Kustomization/apps/shop"]').count(), 0, 'what is gone is gone')
    assert.match(await page.innerText('#news'), /^1 failed/)
    assert.equal(await page.locator('img').count(), 0)
    assert.deepEqual(misdeeds, [])
  })

  it('keep what was opened open', async () => {
    const { page, deps } = await open(`/ui/commits/${newCommit}`)
    await page.waitForFunction(`document.getElementById('live-note').textContent === 'Live'`)
    const details = page.locator('details').first()
    await details.locator('summary').click()
    await page.evaluate(`window.opened = document.querySelector('details')`)
    const since = Date.UTC(2026, 10, 21, 11, 22)
    await deps.state.put('clusters/two', { cluster: 'two', failingSince: since, error: { code: 'x', message: 'y' } })
    await page.waitForSelector('text=Stale since 2026-11-21 11:22')
    assert.equal(await page.evaluate(`document.querySelector('details') === window.opened && window.opened.open`), true)
  })

  it('stop when nobody looks, and catch up after that', async () => {
    const { page, change, deps } = await open('/ui')
    await page.waitForFunction(`document.getElementById('live-note').textContent === 'Live'`)
    const hide = (isHidden: boolean): Promise<unknown> =>
      page.evaluate(`Object.defineProperty(document, 'hidden', { configurable: true, value: ${isHidden} });
        document.dispatchEvent(new Event('visibilitychange'))`)
    await hide(true)
    for (let i = 0; i < 100 && deps.memory.changes.open > 0; i++) await page.waitForTimeout(50)
    assert.equal(deps.memory.changes.open, 0)
    await change('unseen')
    assert.equal(await page.locator('[data-key="Kustomization/apps/unseen"]').count(), 0)
    await hide(false)
    await page.waitForSelector('[data-key="Kustomization/apps/unseen"]')
  })

  it('are whole without a script', async () => {
    const { page } = await open('/ui', { javaScriptEnabled: false })
    await page.click('text=1 failed')
    await page.waitForURL('**/ui?state=failed')
    await page.click('text=All 7')
    await page.selectOption('.filter select[name=cluster]', 'two')
    await page.click('.filter button')
    await page.waitForURL('**cluster=two*')
    assert.match(await page.innerText('main'), /Was ready/)
  })
})
