import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { createApp } from '../../../functions/app.ts'
import { recordDelivery } from '../../../functions/delivery-log.ts'
import { loadAxe, seriousFindings, seriousInEveryLook } from '../../support/axe.ts'
import { serveApp, startBrowser, withoutBrowser } from '../../support/browser.ts'
import { readToken, testDeps } from '../../support/function-deps.ts'
import { hostilePages, hostileState } from '../../support/hostile-state.ts'
import { observedState, pushRun } from '../../support/observed-state.ts'
import { newCommit } from '../../support/summary-objects.ts'

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

  for (const path of pages) {
    it(`have nothing serious on a phone and a desktop, light and dark: ${path}`, async () => {
      const page = await open({})
      await page.goto(plain.url + path)
      assert.deepEqual(await seriousInEveryLook(page), [])
      await page.context().close()
    })
  }

  it('have nothing serious where others have written what they can', async () => {
    const page = await open({ viewport: { width: 360, height: 800 } })
    for (const path of hostilePages) {
      const response = await page.goto(hostile.url + path)
      assert.ok((response?.status() ?? 500) < 500, path)
      await loadAxe(page)
      assert.deepEqual(await seriousFindings(page), [], path)
    }
    await page.context().close()
  })

  it('are found by axe to have what is wrong with them', async () => {
    const page = await open({})
    await page.goto(`${plain.url}/ui`)
    await page.evaluate(
      `document.querySelector('.filter input').closest('label').replaceWith(document.createElement('input'))`,
    )
    const found = await seriousInEveryLook(page)
    assert.match(found.join('\n'), /^a phone, light: label:/m)
    await page.context().close()
  })

  it('are found by axe to be hard to read where they are only in the dark', async () => {
    const page = await open({})
    await page.goto(`${plain.url}/ui`)
    await page.evaluate(`document.querySelector('h1').style.color = 'light-dark(#000, #222)'`)
    const found = await seriousInEveryLook(page)
    assert.deepEqual(
      found.map((text) => text.split(': ').slice(0, 2).join(': ')),
      ['a phone, dark: color-contrast', 'a desktop, dark: color-contrast'],
    )
    await page.context().close()
  })
})
