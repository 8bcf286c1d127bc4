import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readFrom } from '../../support/audit-log.ts'

test('whole lines are read behind any place in the log, also one in the middle of a line', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-audit-'))
  try {
    const path = join(directory, 'audit.log')
    const text = '{"a":1}\n{"ä":2}\n{"c":3}\n{"unfini'
    await writeFile(path, text)
    const bytes = Buffer.from(text)
    for (let offset = 0; offset <= bytes.length; offset++) {
      const isAtLine = offset === 0 || bytes[offset - 1] === 10
      const from = isAtLine ? offset : bytes.indexOf('\n', offset) + 1
      const end = bytes.lastIndexOf('\n') + 1
      const wanted = !isAtLine && from === 0 ? '' : bytes.subarray(from, Math.max(from, end)).toString()
      assert.equal(await readFrom(path, offset), wanted, `at ${offset}`)
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})
