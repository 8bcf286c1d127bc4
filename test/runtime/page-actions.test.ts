import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { startBrowser, watchPage, withoutBrowser } from '../support/browser.ts'
import { useCluster } from '../support/cluster.ts'
import { installCrds } from '../support/crds.ts'
import {
  awaitRun,
  deliverPush,
  startDeployment,
  type Deployment,
  type Platform,
  type ShownRun,
} from '../support/deployment.ts'
import { readExampleChart } from '../support/example-chart.ts'
import { colouredConfigMap, colourOf, followDirectory, followGit, until } from '../support/following.ts'
import type { GitTestRepository } from '../support/git-repository.ts'
import { GitServer } from '../support/git-server.ts'

const cluster = useCluster()
const readToken = 'a-token-that-may-only-read'

/** The path that the browser shows, without what came of the last action. */
const placeOf = (page: Page): string => new URL(page.url()).pathname

for (const platform of ['node', 'workerd'] as const satisfies readonly Platform[])
  describe(`actions from pages on ${platform}`, { skip: withoutBrowser }, () => {
    let browser: Browser
    let git: GitServer
    let repository: GitTestRepository
    let deployment: Deployment
    let namespace: string
    let page: Page
    let first: string
    const misdeeds: string[][] = []

    const object = (kind: 'Kustomization' | 'HelmRelease', name: string): string =>
      `${deployment.url}/ui/objects/main/${kind}/${namespace}/${name}`
    const read = (kind: string, name: string) => {
      const apiVersions: { readonly [kind: string]: string } = {
        Kustomization: 'kustomize.toolkit.fluxcd.io/v1',
        HelmRelease: 'helm.toolkit.fluxcd.io/v2',
      }
      return cluster.client.find({ apiVersion: apiVersions[kind] ?? 'v1', kind, namespace, name })
    }
    const colorOf = (name: string): Promise<unknown> => colourOf(cluster.client, namespace, name)
    const isSuspended = async (): Promise<boolean> => {
      const { spec } = (await read('Kustomization', 'app')) as unknown as { spec: { suspend?: boolean } }
      return spec.suspend === true
    }
    const push = async (): Promise<ShownRun> => {
      const { run = '' } = await deliverPush(deployment, {
        url: repository.url,
        after: (await repository.head()) ?? '',
      })
      return awaitRun(deployment, run)
    }
    const signIn = async (token: string): Promise<Page> => {
      const context = await browser.newContext()
      const opened = await context.newPage()
      misdeeds.push(watchPage(opened, deployment.url).found)
      await opened.goto(`${deployment.url}/ui`)
      await opened.fill('#token', token)
      await opened.keyboard.press('Enter')
      await opened.waitForURL(`${deployment.url}/ui`)
      return opened
    }
    /** Waits for the page after an action, and for the run that it leads to. */
    const followed = async (): Promise<ShownRun> => {
      const link = page.locator('p[role="status"] a')
      const href = (await link.getAttribute('href')) ?? ''
      return awaitRun(deployment, href.split('/').at(-1) ?? '')
    }

    // A namespace of a test lasts as long as the test, so that all of this is one.
    const steps: (readonly [string, () => Promise<void>])[] = []
    const step = (name: string, work: () => Promise<void>): void => void steps.push([name, work])
    const setUp = async (): Promise<void> => {
      await installCrds(cluster.client)
      namespace = await cluster.namespace()
      git = await GitServer.start()
      repository = await git.create(`team/${namespace}`, {
        'app/a.yaml': colouredConfigMap('a', 'blue'),
        'app/b.yaml': colouredConfigMap('b', 'blue'),
        ...readExampleChart(),
      })
      first = (await repository.head()) ?? ''
      deployment = await startDeployment(platform, {
        clusters: { main: cluster.address },
        namespaces: [namespace],
        settings: { holdNamespace: namespace, pruneGuard: { minObjects: 1, share: 0.1 } },
        env: { READ_TOKEN: readToken },
      })
      const sourceRef = { kind: 'GitRepository', name: 'app' }
      await followGit(cluster.client, { name: 'app', namespace, url: repository.url })
      await followDirectory(cluster.client, { name: 'app', namespace, source: 'app' })
      await cluster.client.apply({
        apiVersion: 'helm.toolkit.fluxcd.io/v2',
        kind: 'HelmRelease',
        metadata: { name: 'greeter', namespace },
        spec: {
          interval: '1h',
          chart: { spec: { chart: './charts/greeter', sourceRef } },
          install: { disableWait: true },
          upgrade: { disableWait: true },
        },
      })
      assert.equal((await push()).state, 'succeeded')
      browser = await startBrowser()
      page = await signIn(deployment.triggerToken)
    }
    after(async () => {
      await browser.close()
      await deployment.stop()
      await git.close()
    })

    step('look into the cluster, and tell health, releases and what runs did', async () => {
      await page.goto(`${object('Kustomization', 'app')}?live=true`)
      assert.match(await page.innerText('.tree'), /2 × ConfigMap [^]*\/a ●Healthy/)
      assert.match(await page.innerText('main'), /2 created/)
      await page.goto(`${object('HelmRelease', 'greeter')}?live=true`)
      assert.match(await page.innerText('main'), /Releases of Helm[^]*v1[^]*deployed[^]*greeter/)
    })

    step(
      'reconcile, with the source: what was pushed without a webhook arrives, and the run says who asked',
      async () => {
        await repository.commit({ 'app/a.yaml': colouredConfigMap('a', 'green') })
        await page.goto(object('Kustomization', 'app'))
        await page.click('text=Reconcile with source')
        assert.equal(placeOf(page), new URL(object('Kustomization', 'app')).pathname)
        assert.match(await page.innerText('p[role="status"]'), /^Asked for: Kustomization/)
        const run = await followed()
        assert.equal(run.state, 'succeeded')
        assert.match(run.actor ?? '', / \(page\)$/)
        assert.equal(await colorOf('a'), 'green')
        await page.goto(object('Kustomization', 'app'))
        assert.match(await page.innerText('main'), /1 configured/)
      },
    )

    step('suspend with a reason and an end, and resume', async () => {
      await page.goto(object('Kustomization', 'app'))
      await page.click('summary:has-text("Suspend")')
      await page.fill('#suspend-reason', 'the <b>disk</b> is full')
      await page.fill('#suspend-until', '2d')
      await page.click('form >> text="Suspend"')
      await followed()
      assert.equal(await isSuspended(), true)
      const notes = (await read('Kustomization', 'app'))?.metadata.annotations ?? {}
      assert.equal(notes['sluice.dev/suspended-reason'], 'the <b>disk</b> is full')
      assert.match(notes['sluice.dev/suspended-by'] ?? '', / \(page\)$/)
      await page.goto(object('Kustomization', 'app'))
      assert.match(await page.innerText('main'), /It is suspended by .* \(page\) until .*: the <b>disk<\/b> is full/)
      assert.equal(await page.locator('text=Reconcile').count(), 0)
      await page.click('text="Resume"')
      await followed()
      assert.equal(await isSuspended(), false)
    })

    step('pin to a revision, and unpin', async () => {
      await page.goto(object('Kustomization', 'app'))
      await page.click('summary:has-text("Pin")')
      await page.fill('#pin-revision', first)
      await page.fill('#pin-reason', 'the new one leaks')
      await page.click('form >> text="Pin"')
      await followed()
      assert.equal(await colorOf('a'), 'blue')
      await page.goto(object('Kustomization', 'app'))
      assert.match(await page.innerText('main'), /It is pinned to [0-9a-f]{40} by .*: the new one leaks/)
      await page.click('text="Unpin"')
      await followed()
      assert.equal(await colorOf('a'), 'green')
    })

    step('force an upgrade of a release', async () => {
      await page.goto(object('HelmRelease', 'greeter'))
      await page.click('text=Force an upgrade')
      await followed()
      const { status } = (await read('HelmRelease', 'greeter')) as unknown as {
        status: { history: { version: number }[] }
      }
      assert.equal(status.history[0]?.version, 2)
    })

    step('approve deletions, after a page that asks once more', async () => {
      await repository.commit({ 'app/b.yaml': null })
      await push()
      assert.equal(await colorOf('b'), 'blue')
      await page.goto(object('Kustomization', 'app'))
      await page.click('text=Approve the deletions')
      assert.match(await page.innerText('h1'), /^Approve the deletions of Kustomization/)
      assert.equal(await colorOf('b'), 'blue')
      await page.click('text=Approve and delete')
      await followed()
      assert.equal(await colorOf('b'), undefined)
    })

    step('suspend and resume the cluster', async () => {
      await page.goto(`${deployment.url}/ui/clusters/main`)
      await page.click('summary:has-text("Suspend the cluster")')
      await page.fill('#suspend-reason', 'the storage is moved')
      await page.click('form >> text="Suspend the cluster…"')
      assert.equal(await read('ConfigMap', 'sluice-hold'), undefined)
      await page.click('button:has-text("Suspend the cluster")')
      await followed()
      const hold = (await read('ConfigMap', 'sluice-hold')) as unknown as { data: { [key: string]: string } }
      assert.deepEqual([hold.data['suspended'], hold.data['reason']], ['true', 'the storage is moved'])
      await page.goto(`${deployment.url}/ui/clusters/main`)
      assert.match(await page.innerText('main'), /the cluster is suspended by .*: the storage is moved/)
      await page.click('text=Resume the cluster')
      await followed()
      const resumed = (await read('ConfigMap', 'sluice-hold')) as unknown as { data: { [key: string]: string } }
      assert.equal(resumed.data['suspended'], 'false')
    })

    step('abort a run that waits for health; its record says who did', async () => {
      await repository.commit({ 'slow/c.yaml': colouredConfigMap('slow', 'blue') })
      const healthChecks = [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'nobody-makes-it', namespace }]
      await followDirectory(
        cluster.client,
        { name: 'slow', namespace, source: 'app' },
        { timeout: '10m', healthChecks },
      )
      const { run = '' } = await deliverPush(deployment, {
        url: repository.url,
        after: (await repository.head()) ?? '',
      })
      await until('it is applied', async () => (await colorOf('slow')) === 'blue')
      await page.goto(`${deployment.url}/ui/runs/${run}`)
      await page.click('text=Abort…')
      assert.match(await page.innerText('h1'), /^Abort run/)
      await page.click('text=Abort the run')
      assert.match(await page.innerText('p[role="status"]'), /^Aborted in main/)
      const ended = await awaitRun(deployment, run)
      assert.equal(ended.state, 'failed')
      assert.equal(ended.records[0]?.error?.code, 'run-aborted')
      assert.match(ended.records[0]?.error?.message ?? '', /^aborted by .* \(page\);/)
    })

    step('are recorded with who did what', async () => {
      await page.goto(`${deployment.url}/ui/actions`)
      const text = await page.innerText('main')
      for (const action of ['reconcile', 'suspend', 'resume', 'pin', 'unpin', 'retry', 'approve', 'abort'])
        assert.match(text, new RegExp(action, 'i'), action)
    })

    step('are not offered to who may only look, and refused in any case', async () => {
      const reader = await signIn(readToken)
      await reader.goto(object('Kustomization', 'app'))
      assert.equal(await reader.locator('main form').count(), 0)
      await reader.goto(`${deployment.url}/ui/clusters/main`)
      assert.equal(await reader.locator('main form').count(), 0)
      const stolen = await tokenOf(page, object('Kustomization', 'app'), 'suspend')
      const form = { csrf: stolen, cluster: 'main', kind: 'Kustomization', namespace, name: 'app' }
      assert.equal(await send(reader, 'suspend', form), 403)
      await reader.context().close()
    })

    step(
      'are refused without the token, with that of another action, from another site, and without a session',
      async () => {
        const token = await tokenOf(page, object('Kustomization', 'app'), 'suspend')
        const fields = { cluster: 'main', kind: 'Kustomization', namespace, name: 'app' }
        assert.equal(await send(page, 'suspend', fields), 403)
        assert.equal(await send(page, 'suspend', { ...fields, csrf: `${token.slice(0, -2)}xx` }), 403)
        assert.equal(await send(page, 'resume', { ...fields, csrf: token }), 403)
        const good = { ...fields, csrf: token }
        assert.equal(await send(page, 'suspend', good, { origin: 'https://evil.example' }), 403)
        assert.equal(await send(page, 'suspend', good, { cookie: '' }), 401)
        assert.equal(await send(page, 'suspend', { ...good, cluster: 'nowhere' }), 404)
        assert.equal(await send(page, 'suspend', { ...good, name: '../../x' }), 400)
        assert.equal(await send(page, 'frobnicate', good), 404)
        assert.equal(await isSuspended(), false)
        // Sent as it is meant, the same form does it.
        assert.equal(await send(page, 'suspend', good), 303)
        assert.equal(await isSuspended(), true)
        assert.deepEqual(misdeeds.flat(), [])
      },
    )

    step('say nothing that a link makes up', async () => {
      await page.goto(`${object('Kustomization', 'app')}?said=${encodeURIComponent('e30.AAAA')}`)
      assert.equal(await page.locator('p[role="status"]').count(), 0)
    })

    it('reach the cluster as they say, for those who may, and for nobody else', async () => {
      await setUp()
      for (const [name, work] of steps) {
        try {
          await work()
        } catch (caught) {
          throw new Error(`${name}: ${caught instanceof Error ? caught.message : String(caught)}`, { cause: caught })
        }
      }
    })

    /** What the form of an action brings. */
    async function tokenOf(opened: Page, url: string, action: string): Promise<string> {
      await opened.goto(url)
      const field = opened.locator(`form[action="/ui/actions/${action}"] input[name="csrf"]`).first()
      return (await field.getAttribute('value')) ?? ''
    }

    /** Sends a form with a browser's session as a program would, and gives the status. */
    async function send(
      opened: Page,
      action: string,
      fields: { readonly [name: string]: string },
      more: { readonly origin?: string; readonly cookie?: string } = {},
    ): Promise<number> {
      const cookies = (await opened.context().cookies()).map(({ name, value }) => `${name}=${value}`).join('; ')
      const response = await fetch(`${deployment.url}/ui/actions/${action}`, {
        method: 'POST',
        redirect: 'manual',
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          origin: more.origin ?? deployment.url,
          cookie: more.cookie ?? cookies,
        },
        body: new URLSearchParams(fields),
      })
      return response.status
    }
  })
