import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { KNOWN_DIFFERENCES } from '../../conformance/known-differences.ts'
import { ownCases } from '../../conformance/kustomize.ts'

void describe('kustomize build prints what kustomize prints', () => {
  const known = new Set(KNOWN_DIFFERENCES.map((one) => one.id))
  for (const { id, run } of ownCases()) {
    void it(id, () => {
      const { problem } = run()
      if (known.has(`kustomize/${id}`))
        assert.notEqual(problem, undefined, 'passes; remove it from the known differences')
      else assert.equal(problem, undefined)
    })
  }
})
