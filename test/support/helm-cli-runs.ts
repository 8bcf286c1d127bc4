/**
 * A process that runs command lines of `helm` one after the other: standard input has them as JSON, a list of lists; standard output gets
 * `{output, failed}` for each. Starting a process for each would take most of the time of the test.
 */
import { text } from 'node:stream/consumers'
import { helmCommand } from '../../src/cli/helm.ts'

const lines = JSON.parse(await text(process.stdin)) as string[][]
const write = process.stdout.write.bind(process.stdout)
const results: { output: string; failed: boolean }[] = []
for (const line of lines) {
  const chunks: Buffer[] = []
  process.stdout.write = (chunk: string | Uint8Array): boolean => (chunks.push(Buffer.from(chunk as string)), true)
  process.exitCode = 0
  let failed = false
  try {
    await helmCommand().exitOverride().parseAsync(line, { from: 'user' })
  } catch {
    failed = true
  }
  results.push({ output: Buffer.concat(chunks).toString(), failed: failed || Number(process.exitCode) !== 0 })
}
process.exitCode = 0
process.stdout.write = write
write(JSON.stringify(results))
