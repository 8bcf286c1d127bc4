import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { drawGraph, nameLines } from '../../../src/ui/graph.ts'

describe('a name in a box of the drawing', () => {
  const rows: readonly { readonly name: string; readonly lines: readonly string[] }[] = [
    { name: 'shop', lines: ['shop'] },
    { name: 'a'.repeat(27), lines: ['a'.repeat(27)] },
    {
      name: 'kube-prometheus-stack-alertmanager-overview',
      lines: ['kube-prometheus-stack-', 'alertmanager-overview'],
    },
    { name: 'x'.repeat(40), lines: ['x'.repeat(27), 'x'.repeat(13)] },
    {
      name: 'ab-kubeprometheusstackalertmanageroverview',
      lines: ['ab-kubeprometheusstackalert', 'manageroverview'],
    },
    {
      name: 'kube-prometheus-stack-alertmanager-overview-for-the-cluster-in-frankfurt',
      lines: ['kube-prometheus-stack-', 'alertmanager-…-in-frankfurt'],
    },
  ]
  for (const { name, lines } of rows) it(name, () => assert.deepEqual(nameLines(name), lines))

  it('is whole in what a pointer shows, and makes room in every box', async () => {
    const long = rows.at(-1)?.name ?? ''
    const graph = async (name: string): Promise<string> =>
      String(
        await drawGraph({
          needs: [],
          self: { kind: 'Kustomization', name: 'shop', state: 'ready' },
          parts: [{ kind: 'ConfigMap', name, state: 'ready' }],
          dependants: [],
        }),
      )
    assert.ok((await graph(long)).includes(`<title>ConfigMap ${long}: Ready</title>`))
    assert.match(await graph('short'), /height="42"/)
    assert.doesNotMatch(await graph(long), /height="42"/)
  })
})
