import { assumeAwsRole, signAwsRequest, type AwsCredentials } from '../../cloud/index.ts'
import { fromBase64 } from '../encoding.ts'
import { secretsError } from '../errors.ts'
import type { MasterKey } from '../metadata.ts'
import { answerField, cloudDeps, postToKeyService, type KeyServiceDeps } from './request.ts'

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
  const used =
    key.role === ''
      ? credentials
      : await assumeAwsRole(cloudDeps(deps), {
          role: key.role,
          region,
          session: 'sops',
          endpoint: `https://sts.${region}.${domain}/`,
          proof: { kind: 'credentials', credentials },
        })
  const ciphertext = key.enc.replaceAll(/\s/g, '')
  const body = JSON.stringify({
    CiphertextBlob: ciphertext,
    KeyId: key.arn,
    ...(Object.keys(key.context).length === 0 ? {} : { EncryptionContext: key.context }),
  })
  const url = `https://kms.${region}.${domain}/`
  const headers = await signAwsRequest(used, {
    method: 'POST',
    url,
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'TrentService.Decrypt' },
    body,
    service: 'kms',
    region,
    now: deps.now(),
  })
  const text = await postToKeyService(deps, { service: 'AWS KMS', url, headers, body })
  const plain = fromBase64(answerField(text, 'AWS KMS', 'Plaintext'))
  if (plain === undefined)
    throw secretsError('key-service-failed', 'AWS KMS answered with a plaintext that is no base64')
  return plain
}

/** The place of a key: it decides which host is asked, so its form is checked closely. */
function parseArn(arn: string): { readonly region: string; readonly domain: string } {
  const match = /^arn:(aws|aws-cn|aws-us-gov):kms:([a-z]{2}(?:-[a-z]+)+-\d):\d{12}:(?:key|alias)\/[\w/-]+$/.exec(arn)
  if (match === null) throw secretsError('key-service-failed', 'the ARN of the key has no valid form')
  return { region: match[2] ?? '', domain: match[1] === 'aws-cn' ? 'amazonaws.com.cn' : 'amazonaws.com' }
}
