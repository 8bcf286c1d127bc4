import assert from 'node:assert/strict'
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { auditMark, readFrom, readRequestCounts, type AuditMark } from '../../support/audit-log.ts'

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

test('a log that another one has taken the place of is not taken for one without requests', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-audit-'))
  try {
    const path = join(directory, 'audit.log')
    await writeFile(path, '{"a":1}\n')
    await assert.rejects(readFrom(path, 100), { code: 'audit-log-rotated' })
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})

test('a request that was sent before the mark and is logged behind it is not counted', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-audit-'))
  try {
    const auditLogPath = join(directory, 'audit.log')
    await writeFile(auditLogPath, '')
    const log = async (requestURI: string, at: number): Promise<void> =>
      appendFile(
        auditLogPath,
        `${JSON.stringify({ verb: 'get', requestURI, requestReceivedTimestamp: new Date(at).toISOString() })}\n`,
      )
    const source = { auditLogPath, request: (path: string) => log(path, Date.now()) }
    const before = Date.now() - 1
    await log('/before', before)
    const mark = await auditMark(source)
    await log('/late', before)
    await log('/behind', Date.now())
    const uris = async (since?: AuditMark): Promise<readonly string[]> =>
      (await readRequestCounts(source, since)).requests.map(({ uri }) => uri)
    assert.deepEqual(await uris(mark), ['/behind'])
    assert.deepEqual(await uris(), ['/before', '/late', '/behind'])
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})
