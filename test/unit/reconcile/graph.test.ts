import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { findCycle, runGraph, type GraphNode } from '../../../src/reconcile/graph.ts'

const node = (id: string, after: string[] = [], afterApplied: string[] = []): GraphNode => ({ id, after, afterApplied })

/** Runs a graph whose nodes take one turn of the event loop each and returns what happened, in order. */
async function trace(
  nodes: GraphNode[],
  concurrency = 10,
  extra: { [id: string]: GraphNode[] } = {},
): Promise<string[]> {
  const log: string[] = []
  await runGraph({
    nodes,
    concurrency,
    run: async (n, control) => {
      log.push(control.cycle ? `cycle ${n.id}: ${control.cycle.join('>')}` : `start ${n.id}`)
      await new Promise((resolve) => setImmediate(resolve))
      if (extra[n.id]) control.add(extra[n.id] ?? [])
      log.push(`applied ${n.id}`)
      control.applied()
      await new Promise((resolve) => setTimeout(resolve, 5))
      log.push(`end ${n.id}`)
    },
  })
  return log
}

describe('runGraph', () => {
  it('starts independent nodes together and dependants after their dependencies ended', async () => {
    const log = await trace([node('c', ['b']), node('a'), node('b', ['a']), node('x')])
    assert.ok(log.indexOf('start b') > log.indexOf('end a'))
    assert.ok(log.indexOf('start c') > log.indexOf('end b'))
    assert.ok(log.indexOf('start x') < log.indexOf('applied a'))
  })

  it('starts what a node creates as soon as that node has applied, before its health is known', async () => {
    const log = await trace([node('child', [], ['parent']), node('parent')])
    assert.ok(log.indexOf('start child') > log.indexOf('applied parent'))
    assert.ok(log.indexOf('start child') < log.indexOf('end parent'))
  })

  it('holds at most `concurrency` places, and a node that only waits for health holds none', async () => {
    const log = await trace([node('a'), node('b'), node('c')], 1)
    assert.deepEqual(log.slice(0, 3), ['start a', 'applied a', 'start b'])
    assert.ok(log.indexOf('start b') < log.indexOf('end a'))
  })

  it('runs nodes found on the way', async () => {
    const log = await trace([node('root')], 4, { root: [node('leaf', [], ['root']), node('root')] })
    assert.deepEqual(
      log.filter((line) => line.startsWith('start')),
      ['start root', 'start leaf'],
    )
  })

  it('ignores dependencies outside the graph', async () => {
    assert.ok((await trace([node('a', ['elsewhere'])])).includes('end a'))
  })

  it('reports a cycle with its path to its members only, and runs everything else', async () => {
    const log = await trace([node('a', ['b']), node('b', ['c']), node('c', ['a']), node('d', ['a']), node('e')])
    assert.ok(log.includes('cycle a: a>b>c>a'))
    assert.ok(log.includes('cycle b: a>b>c>a'))
    assert.ok(log.includes('start d'))
    assert.ok(log.includes('start e'))
  })

  it('reports a node that depends on itself', async () => {
    assert.deepEqual(findCycle(new Map([['a', node('a', ['a'])]])), ['a', 'a'])
  })
})
