import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { createNodeStateStore, openDatabase, systemClock } from '../../../src/platforms/node/index.ts'

async function inFolder(work: (file: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-schema-'))
  try {
    await work(join(directory, 'sluice.db'))
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function open(file: string, version: number, readableFrom: number): DatabaseSync {
  return openDatabase(file, { durability: 'process', schema: { version, readableFrom } })
}

function versionIn(file: string): unknown {
  const database = new DatabaseSync(file)
  try {
    return database.prepare('SELECT version FROM schema_version').get()?.['version']
  } finally {
    database.close()
  }
}

void describe('versions of the state on Node', () => {
  void it('a file from before there were versions is used, and marked', () =>
    inFolder(async (file) => {
      const old = new DatabaseSync(file)
      await createNodeStateStore(old, systemClock).put('runs/1', { state: 'queued' })
      old.close()
      const opened = open(file, 1, 1)
      assert.deepEqual(await createNodeStateStore(opened, systemClock).get('runs/1'), { state: 'queued' })
      opened.close()
      assert.equal(versionIn(file), 1)
    }))
  void it('a newer program marks the file; an older one that can still use it leaves the mark, so that both ways are open', () =>
    inFolder(async (file) => {
      open(file, 1, 1).close()
      open(file, 2, 1).close()
      assert.equal(versionIn(file), 2)
      open(file, 1, 1).close()
      assert.equal(versionIn(file), 2)
    }))
  void it('a program that was rolled back too far refuses, says what to do, and changes nothing', () =>
    inFolder(async (file) => {
      open(file, 3, 3).close()
      assert.throws(() => open(file, 2, 1), {
        code: 'state-newer',
        message: /newer version of Sluice \(its schema is 3.*run that version again, or start this one with an empty/,
      })
      assert.equal(versionIn(file), 3)
      open(file, 3, 3).close()
    }))
})
