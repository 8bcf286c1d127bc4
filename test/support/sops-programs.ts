import { oracleBinary } from './oracle-binary.ts'

/** What a reader of the page about SOPS has on the PATH; the versions that the fixtures of decryption were made with. */
const programs = [
  { name: 'sops', package: 'github.com/getsops/sops/v3/cmd/sops', version: 'v3.13.2' },
  { name: 'age-keygen', package: 'filippo.io/age/cmd/age-keygen', version: 'v1.3.1' },
]

/** The programs by their names, each with its path, built where the cache does not have them; undefined where there is no Go. @throws what `go install` prints. */
export async function sopsPrograms(): Promise<{ readonly [name: string]: string } | undefined> {
  const paths: [string, string][] = []
  for (const program of programs) {
    const path = await oracleBinary(program)
    if (path === undefined) return undefined
    paths.push([program.name, path])
  }
  return Object.fromEntries(paths)
}
