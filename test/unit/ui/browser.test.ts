import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { createApp } from '../../../functions/app.ts'
import { serveApp, startBrowser, watchPage, withoutBrowser } from '../../support/browser.ts'
import { readToken, testDeps } from '../../support/function-deps.ts'
import { hostilePages, hostileState } from '../../support/hostile-state.ts'
import { observedState, pushRun } from '../../support/observed-state.ts'
import { newCommit } from '../../support/summary-objects.ts'

const pages = [
  '/ui',
  '/ui/objects/one/Kustomization/apps/shop',
  '/ui/objects/one/HelmRelease/apps/redis?live=true',
  `/ui/commits/${newCommit}`,
  '/ui/runs?quiet=true',
  `/ui/runs/${pushRun}`,
  '/ui/drift',
  '/ui/clusters/one',
  '/ui/sign-in',
]

describe('pages in Chromium', { skip: withoutBrowser }, () => {
  let browser: Browser
  let plain: Awaited<ReturnType<typeof serveApp>>
  let hostile: Awaited<ReturnType<typeof serveApp>>
  before(async () => {
    const deps = testDeps()
    await observedState(deps.state)
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

  /** A page of somebody who has signed in through the form. */
  const signedIn = async (url: string, options: Parameters<Browser['newPage']>[0] = {}): Promise<Page> => {
    const page = await browser.newPage(options)
    await page.goto(`${url}/ui`)
    assert.equal(new URL(page.url()).pathname, '/ui/sign-in')
    await page.fill('#token', readToken)
    await page.keyboard.press('Enter')
    await page.waitForURL(`${url}/ui`)
    return page
  }

  it('are reached through the form, and left through the button', async () => {
    const page = await signedIn(plain.url)
    const cookie = (await page.context().cookies()).find(({ name }) => name === '__Host-sluice')
    assert.equal(cookie?.name, '__Host-sluice')
    assert.deepEqual([cookie?.httpOnly, cookie?.secure, cookie?.sameSite], [true, true, 'Lax'])
    assert.match(await page.innerText('main'), /Blocked by broken/)
    await page.click('text=Sign out')
    await page.waitForURL('**/ui/sign-in')
    await page.goto(`${plain.url}/ui`)
    assert.equal(new URL(page.url()).pathname, '/ui/sign-in')
    await page.close()
  })

  it('run nothing of what others have named', async () => {
    const page = await signedIn(hostile.url)
    const { found } = watchPage(page, hostile.url)
    for (const path of hostilePages) {
      const response = await page.goto(`${hostile.url}${path}`)
      assert.ok((response?.status() ?? 500) < 500, path)
      await page.mouse.move(100, 300)
      assert.equal(await page.evaluate('window.marked'), undefined, path)
      assert.deepEqual(found, [], path)
      assert.equal(
        await page.locator('script:not([src^="/ui/live."]), main script, iframe, img, main style').count(),
        0,
        path,
      )
      assert.notEqual(await page.evaluate('getComputedStyle(document.body).display'), 'none', path)
    }
    await page.close()
  })

  for (const [name, width] of [
    ['a phone', 360],
    ['a desktop', 1280],
  ] as const) {
    it(`fit ${name}, in light and dark, and are ours alone`, async () => {
      for (const colorScheme of ['light', 'dark'] as const) {
        const page = await signedIn(plain.url, { colorScheme, viewport: { width, height: 800 } })
        const { found } = watchPage(page, plain.url)
        for (const path of pages) {
          const response = await page.goto(`${plain.url}${path}`)
          assert.equal(response?.status(), 200, path)
          const overflow = Number(await page.evaluate('document.scrollingElement.scrollWidth - window.innerWidth'))
          assert.ok(overflow <= 0, `${path} is ${overflow} px too wide`)
          const poor = await page.evaluate(lowContrast)
          assert.deepEqual(poor, [], `${path} in ${colorScheme}`)
        }
        assert.deepEqual(found, [])
        await page.close()
      }
    })
  }

  it('are used with the keyboard alone', async () => {
    const page = await signedIn(plain.url)
    await page.keyboard.press('Tab')
    assert.equal(await page.evaluate('document.activeElement.textContent'), 'Skip to the content')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    assert.match(String(await page.evaluate('document.activeElement.textContent')), /All 7/)
    const reached = new Set<string>()
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press('Tab')
      reached.add(String(await page.evaluate('document.activeElement.getAttribute("href")')))
      const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')
      if ((await page.evaluate('document.activeElement.tagName')) === 'A') assert.notEqual(outline, 'none')
    }
    assert.ok(reached.has('/ui/objects/one/Kustomization/apps/shop'))
    await page.focus('#commit')
    await page.keyboard.type(newCommit.slice(0, 10))
    await page.keyboard.press('Enter')
    await page.waitForURL('**/ui/commits/*')
    assert.match(await page.innerText('main'), /2 objects missing/)
    await page.close()
  })

  it('name their tables, headings, fields and regions', async () => {
    const page = await signedIn(plain.url)
    for (const path of pages) {
      await page.goto(`${plain.url}${path}`)
      assert.equal(await page.locator('h1').count(), 1, path)
      assert.equal(await page.locator('main').count(), 1, path)
      assert.deepEqual(await page.evaluate(unnamed), [], path)
      assert.notEqual(await page.title(), '', path)
    }
    await page.close()
  })
})

/** Tables without a caption, header cells without a scope, fields and regions without a name. */
const unnamed = `[
  ...[...document.querySelectorAll('table')].filter((table) => table.caption === null),
  ...[...document.querySelectorAll('th')].filter((cell) => !cell.hasAttribute('scope')),
  ...[...document.querySelectorAll('input:not([type=hidden]):not([hidden])')].filter((field) => field.labels.length === 0),
  ...[...document.querySelectorAll('[role=region], nav, [role=img]')].filter((part) => !part.hasAttribute('aria-label')),
].map((part) => part.outerHTML.slice(0, 200))`

/** Texts whose contrast with what is behind them is below 4.5 (WCAG 2.2, AA). */
const lowContrast = `(() => {
  const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number)
  const channel = (value) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
  const luminance = ([r, g, b]) => 0.2126 * channel(r / 255) + 0.7152 * channel(g / 255) + 0.0722 * channel(b / 255)
  const behind = (element) => {
    for (let one = element; one !== null; one = one.parentElement) {
      const color = parse(getComputedStyle(one).backgroundColor)
      if (color.length === 3 || color[3] === 1) return color
    }
    return parse(getComputedStyle(document.documentElement).backgroundColor)
  }
  const found = new Set()
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement
    if (walker.currentNode.textContent.trim() === '' || element.closest('.hidden, title') || element.getClientRects().length === 0) continue
    const [high, low] = [luminance(parse(getComputedStyle(element).color)), luminance(behind(element))].sort((a, b) => b - a)
    const ratio = (high + 0.05) / (low + 0.05)
    if (ratio < 4.5) found.add(element.className + ' ' + walker.currentNode.textContent.trim().slice(0, 30) + ' ' + ratio.toFixed(2))
  }
  return [...found]
})()`
