import { existsSync } from 'node:fs'
import { serve } from '@hono/node-server'
import type { AddressInfo } from 'node:net'
import type { Server } from 'node:http'
import { chromium, type Browser, type Page } from 'playwright-core'

/** Debian's and Ubuntu's Chromium (`apt-get install chromium`), or what `CHROMIUM` names. */
const path = process.env['CHROMIUM'] ?? '/usr/bin/chromium'

/** Why tests in a browser are skipped; false where they run. */
export const withoutBrowser: string | false = existsSync(path)
  ? false
  : `there is no ${path}; install it (apt-get install chromium) or name one in CHROMIUM`

/** Starts the browser. */
export function startBrowser(): Promise<Browser> {
  // The sandbox needs user namespaces, which containers of CI do not have; only our own pages are opened.
  return chromium.launch({ executablePath: path, args: ['--no-sandbox', '--font-render-hinting=none'] })
}

/** Serves an application on a free port of this machine. */
export async function serveApp(app: {
  readonly fetch: (request: Request) => Response | Promise<Response>
}): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = await new Promise<Server>((resolve) => {
    const listening = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, () => resolve(listening as Server))
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** What a page did that none of ours may do. */
export interface Misdeeds {
  readonly found: string[]
}

/** Notes dialogs, errors, refusals by the policy, and requests to anywhere else. */
export function watchPage(page: Page, origin: string): Misdeeds {
  const found: string[] = []
  page.on('dialog', (dialog) => {
    found.push(`dialog ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('pageerror', (error) => found.push(`error ${error.message}`))
  page.on('console', (message) => {
    if (message.type() === 'error' && !/status of 40\d/.test(message.text())) found.push(`console ${message.text()}`)
  })
  page.on('request', (request) => {
    if (!request.url().startsWith(`${origin}/`)) found.push(`request to ${request.url()}`)
  })
  return { found }
}
