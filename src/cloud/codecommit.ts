import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { sha256Hex } from '../base/index.ts'
import { awsTime, type AwsCredentials } from './aws-sign.ts'
import { cloudError, type CloudDeps } from './request.ts'

/** The region of a CodeCommit repository's URL. @throws EngineError for any other URL. */
export function codeCommitRegion(deps: Pick<CloudDeps, 'failure'>, url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  const region = /^git-codecommit(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$/.exec(parsed?.hostname ?? '')?.[1]
  if (parsed?.protocol === 'https:' && region !== undefined) return region
  throw cloudError(
    deps,
    'spec.url is none of AWS CodeCommit: it must be https://git-codecommit.<region>.amazonaws.com/v1/repos/<name>',
  )
}

/**
 * User name and password for a repository of AWS CodeCommit: a signature over the URL, valid for a quarter of an hour (fluxcd/pkg auth/aws NewGitCredentials; the form of git-remote-codecommit).
 * It is Signature Version 4 of a request with the method GIT, without a hash of a body, whose time has no zone.
 */
export function codeCommitLogin(
  deps: Pick<CloudDeps, 'failure' | 'now'>,
  credentials: AwsCredentials,
  url: string,
): { readonly username: string; readonly password: string } {
  const region = codeCommitRegion(deps, url)
  const { host, pathname } = new URL(url)
  const time = awsTime(deps.now()).slice(0, -1)
  const date = time.slice(0, 8)
  const canonical = ['GIT', pathname, '', `host:${host}`, '', 'host', ''].join('\n')
  const scope = `${date}/${region}/codecommit/aws4_request`
  const text = ['AWS4-HMAC-SHA256', time, scope, sha256Hex(canonical)].join('\n')
  const sign = (key: Uint8Array, part: string): Uint8Array => hmac(sha256, key, utf8ToBytes(part))
  const start = utf8ToBytes(`AWS4${credentials.secretAccessKey}`)
  const key = [date, region, 'codecommit', 'aws4_request'].reduce(sign, start)
  const { accessKeyId, sessionToken = '' } = credentials
  return {
    username: sessionToken === '' ? accessKeyId : `${accessKeyId}%${sessionToken}`,
    password: `${time}Z${bytesToHex(sign(key, text))}`,
  }
}
