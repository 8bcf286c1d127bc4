import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Puts axe into a page by the debugger, which no policy binds. */
export async function loadAxe(page: Page): Promise<void> {
  await page.evaluate(axe)
}

/** What axe finds in a page that is serious or critical, with its nodes. `rules`: those about colours only, or all that axe asks by itself. */
export async function seriousFindings(page: Page, rules: 'colours' | 'all' = 'all'): Promise<readonly string[]> {
  const only = rules === 'all' ? '' : `, runOnly: { type: 'rule', values: ['color-contrast', 'link-in-text-block'] }`
  return (await page.evaluate(`axe.run(document, { resultTypes: ['violations']${only} }).then(({ violations }) => violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => id + ': ' + nodes.slice(0, 3).map(({ html }) => html.slice(0, 160)).join(' | ')))`)) as readonly string[]
}

/**
 * The same for the page that is open on a phone and on a desktop, in light and in dark: `a phone, dark: color-contrast: <h1>…`. It is loaded once, and its size and colours are
 * changed, as those of a window may. In the dark the rules about colours are asked: nothing else of a page depends on them.
 */
export async function seriousInEveryLook(page: Page): Promise<readonly string[]> {
  await loadAxe(page)
  const found: string[] = []
  for (const [name, width] of [
    ['a phone', 360],
    ['a desktop', 1280],
  ] as const) {
    await page.setViewportSize({ width, height: 800 })
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      const serious = await seriousFindings(page, colorScheme === 'light' ? 'all' : 'colours')
      found.push(...serious.map((text) => `${name}, ${colorScheme}: ${text}`))
    }
  }
  return found
}
