import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { createApp } from '../../functions/app.ts'
import { actions } from '../../functions/authorize-action.ts'
import { testDeps } from '../support/function-deps.ts'

const text = readFileSync(new URL('../../infra/docs/pages.md', import.meta.url), 'utf8')
const rows = text.split('\n').filter((line) => line.startsWith('| `'))

/** The page for people at a path, in the form of the documentation: `/ui/runs/<id>`. */
const named = (path: string): string => path.replaceAll(/:(\w+)/g, '<$1>')

describe('infra/docs/pages.md', () => {
  it('names every action, and no other', () => {
    const told = rows.map((row) => /^\| `([a-z]+)` \|/.exec(row)?.[1]).filter((one) => one !== undefined)
    assert.deepEqual(told.toSorted(), [...actions].toSorted())
  })

  it('names every page for people, and no other', () => {
    const served = createApp(testDeps())
      .routes.filter(({ method, path }) => method === 'GET' && path.startsWith('/ui'))
      .map(({ path }) => named(path))
      // What pages are made of, the way in, and what a plan leads to.
      .filter((path) => !/\{|\.svg|\/events|\/login|\/sign-in|\/plans\/<id>\//.test(path))
    const told = rows.flatMap((row) =>
      [...(row.split('|')[1] ?? '').matchAll(/`(\/ui[^`]*)`/g)].map(([, path = '']) => path),
    )
    assert.deepEqual(told.toSorted(), [...new Set(served)].toSorted())
  })

  it('names for every page routes of the API that there are', () => {
    const served = new Set(createApp(testDeps()).routes.map(({ path }) => named(path)))
    const pages = rows.filter((row) => row.startsWith('| `/ui'))
    for (const row of pages) {
      const paths = [...(row.split('|')[3] ?? '').matchAll(/`(\/api[^`?]*)[^`]*`/g)].map(([, path = '']) => path)
      assert.ok(paths.length > 0, row)
      // An object's route is told in short.
      for (const path of paths) assert.ok(served.has(path) || path === '/api/objects/…', path)
    }
  })
})
