/**
 * A process that fetches into a directory until it is killed: `node git-fetcher.ts <url> <directory of the cache>`. Prints a line for each fetch.
 */
import { createDirectoryBlobStore } from '../../src/platforms/node/index.ts'
import { GitObjectCache } from '../../src/sources/index.ts'
import { makeGitDeps } from './git-sources.ts'
import { runGitSteps } from './git-steps.ts'

const [url = '', directory = ''] = process.argv.slice(2)

for (let round = 0; ; round++) {
  const cache = new GitObjectCache({ store: createDirectoryBlobStore({ directory }) })
  const deps = makeGitDeps({ cache })
  const [seen] = await runGitSteps(deps, [{ url, options: { ref: { branch: 'main' } }, prefetch: [`d${round % 5}`] }])
  deps.close()
  process.stdout.write(`${JSON.stringify(seen?.error ?? Object.keys(seen?.files ?? {}).length)}\n`)
}
