import { AwsV4Signer } from 'aws4fetch'
import { fromBase64 } from '../encoding.ts'
import { secretsError } from '../errors.ts'
import type { MasterKey } from '../metadata.ts'
import type { AwsCredentials } from './material.ts'
import { answerField, postToKeyService, type KeyServiceDeps } from './request.ts'

type KmsKey = Extract<MasterKey, { kind: 'kms' }>

/**
 * Decrypts with AWS KMS, taking on the key's role first where it names one (`Decrypt` and `AssumeRole`, Signature Version 4).
 *
 * @param credentials undefined where there are none.
 * @throws EngineError `key-service-failed`.
 */
export async function decryptWithAwsKms(
  deps: KeyServiceDeps,
  credentials: AwsCredentials | undefined,
  key: KmsKey,
): Promise<Uint8Array<ArrayBuffer>> {
  const { region, domain } = parseArn(key.arn)
  if (credentials === undefined)
    throw secretsError('key-service-failed', "there are no AWS credentials; add them as 'sops.aws-kms'")
  const used = key.role === '' ? credentials : await assumeRole(deps, credentials, { role: key.role, region, domain })
  const ciphertext = key.enc.replaceAll(/\s/g, '')
  const body = JSON.stringify({
    CiphertextBlob: ciphertext,
    KeyId: key.arn,
    ...(Object.keys(key.context).length === 0 ? {} : { EncryptionContext: key.context }),
  })
  const text = await signedPost(deps, used, {
    service: 'kms',
    region,
    url: `https://kms.${region}.${domain}/`,
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'TrentService.Decrypt' },
    body,
  })
  const plain = fromBase64(answerField(text, 'AWS KMS', 'Plaintext'))
  if (plain === undefined)
    throw secretsError('key-service-failed', 'AWS KMS answered with a plaintext that is no base64')
  return plain
}

async function assumeRole(
  deps: KeyServiceDeps,
  credentials: AwsCredentials,
  { role, region, domain }: { readonly role: string; readonly region: string; readonly domain: string },
): Promise<AwsCredentials> {
  const text = await signedPost(deps, credentials, {
    service: 'sts',
    region,
    url: `https://sts.${region}.${domain}/`,
    headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
    body: new URLSearchParams({
      Action: 'AssumeRole',
      Version: '2011-06-15',
      RoleArn: role,
      RoleSessionName: 'sops',
    }).toString(),
  })
  return temporaryCredentials(text)
}

function temporaryCredentials(xml: string): AwsCredentials {
  const field = (name: string): string => new RegExp(`<${name}>\\s*([^<]+?)\\s*</${name}>`).exec(xml)?.[1] ?? ''
  const [accessKeyId, secretAccessKey, sessionToken] = [
    field('AccessKeyId'),
    field('SecretAccessKey'),
    field('SessionToken'),
  ]
  if (accessKeyId === '' || secretAccessKey === '')
    throw secretsError('key-service-failed', 'AWS STS answered without credentials')
  return { accessKeyId, secretAccessKey, sessionToken }
}

async function signedPost(
  deps: KeyServiceDeps,
  credentials: AwsCredentials,
  request: {
    readonly service: 'kms' | 'sts'
    readonly region: string
    readonly url: string
    readonly headers: { readonly [name: string]: string }
    readonly body: string
  },
): Promise<string> {
  const signer = new AwsV4Signer({
    method: 'POST',
    url: request.url,
    headers: { ...request.headers },
    body: request.body,
    accessKeyId: credentials.accessKeyId,
    secretAccessKey: credentials.secretAccessKey,
    ...(credentials.sessionToken === undefined ? {} : { sessionToken: credentials.sessionToken }),
    service: request.service,
    region: request.region,
    datetime: `${new Date(deps.now()).toISOString().replace(/[:-]|\.\d{3}/g, '')}`,
    // The header is sent as it was signed.
    allHeaders: true,
  })
  const signed = await signer.sign()
  const headers = Object.fromEntries([...signed.headers].filter(([name]) => name !== 'host'))
  return await postToKeyService(deps, {
    service: request.service === 'kms' ? 'AWS KMS' : 'AWS STS',
    url: request.url,
    headers,
    body: request.body,
  })
}

/** The place of a key: it decides which host is asked, so its form is checked closely. */
function parseArn(arn: string): { readonly region: string; readonly domain: string } {
  const match = /^arn:(aws|aws-cn|aws-us-gov):kms:([a-z]{2}(?:-[a-z]+)+-\d):\d{12}:(?:key|alias)\/[\w/-]+$/.exec(arn)
  if (match === null) throw secretsError('key-service-failed', 'the ARN of the key has no valid form')
  return { region: match[2] ?? '', domain: match[1] === 'aws-cn' ? 'amazonaws.com.cn' : 'amazonaws.com' }
}
