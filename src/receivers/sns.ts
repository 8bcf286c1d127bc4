import { z } from 'zod'
import { EngineError, fromBase64 } from '../base/index.ts'
import { readCertificate, type CertificateKey } from './certificate.ts'
import { isEqualConstantTime, matchesAnySecret } from './constant-time.ts'
import { cachedOr, fetchText } from './fetch-cache.ts'
import { boundedText, decodeText, parseJson, parseWith } from './payload.ts'
import type { VerifyTools } from './types.ts'

const messageFields = z.object({
  Type: z.enum(['Notification', 'SubscriptionConfirmation', 'UnsubscribeConfirmation']),
  MessageId: boundedText(256),
  TopicArn: boundedText(512),
  Subject: z.string().max(1024).nullish(),
  Message: z.string(),
  Timestamp: boundedText(64),
  Token: boundedText(4096).nullish(),
  SubscribeURL: boundedText(4096).nullish(),
  SignatureVersion: z.enum(['1', '2']),
  Signature: boundedText(2048),
  SigningCertURL: boundedText(2048),
})

/** A message of Amazon SNS over HTTPS. */
export type SnsMessage = z.infer<typeof messageFields>

/** Largest certificate that is read. */
const maxCertificateBytes = 64 << 10
const certificateTtlMs = 24 * 3_600_000
/** Older messages are refused: SNS gives up within hours, and deliveries are remembered for three days. */
const maxAgeMs = 3 * 24 * 3_600_000
const maxSkewMs = 15 * 60_000

/** Reads a message. Throws a DiagnosticsError `payload-invalid`. */
export function parseSnsMessage(body: Uint8Array): SnsMessage {
  return parseWith(messageFields, parseJson(decodeText(body)))
}

/**
 * Whether a message was signed by Amazon for one of the topics. Anybody can have Amazon sign messages of topics of their own, so the topic's name is what counts; the
 * certificate must come from the host of SNS in the topic's region. Only what is named here is asked: never a host of the payload.
 *
 * @throws EngineError `issuer-unreachable` (`retry`) where the certificate cannot be had.
 */
export async function isSignedBySns(
  message: SnsMessage,
  topics: readonly string[],
  tools: VerifyTools,
): Promise<boolean> {
  const host = hostOfTopic(message.TopicArn)
  const isOurs = await matchesAnySecret(message.TopicArn, topics)
  if (!isOurs || host === undefined) return false
  const age = tools.now() - Date.parse(message.Timestamp)
  if (!(age <= maxAgeMs && age >= -maxSkewMs)) return false
  const url = URL.canParse(message.SigningCertURL) ? new URL(message.SigningCertURL) : undefined
  const isAllowed =
    url?.protocol === 'https:' &&
    url.host === host &&
    url.username === '' &&
    url.search === '' &&
    /^\/SimpleNotificationService-[0-9a-zA-Z]{1,64}\.pem$/.test(url.pathname)
  const signature = fromBase64(message.Signature)
  if (!isAllowed || signature === undefined) return false
  const key = await certificateAt(url.href, tools)
  if (key === null || tools.now() < key.notBefore || tools.now() > key.notAfter) return false
  const algorithm = {
    name: 'RSASSA-PKCS1-v1_5',
    hash: message.SignatureVersion === '2' ? 'SHA-256' : 'SHA-1',
  }
  try {
    const imported = await crypto.subtle.importKey('spki', key.spki, algorithm, false, ['verify'])
    return await crypto.subtle.verify(algorithm, imported, signature, new TextEncoder().encode(signedText(message)))
  } catch {
    return false // A key of another kind.
  }
}

/**
 * Confirms a subscription, at the host of SNS in the region of the topic, which is one of the configuration.
 *
 * @throws EngineError `issuer-unreachable` (`retry`).
 */
export async function confirmSubscription(message: SnsMessage, tools: VerifyTools): Promise<void> {
  const host = hostOfTopic(message.TopicArn)
  if (host === undefined || typeof message.Token !== 'string')
    throw new EngineError('the confirmation of the subscription names no token', { code: 'payload-invalid' })
  const url = new URL(`https://${host}/`)
  url.searchParams.set('Action', 'ConfirmSubscription')
  url.searchParams.set('TopicArn', message.TopicArn)
  url.searchParams.set('Token', message.Token)
  await fetchText(tools, url.href, maxCertificateBytes)
}

/** `sns.<region>.amazonaws.com` of a topic's name; undefined where it is none. */
function hostOfTopic(arn: string): string | undefined {
  const [, partition, region] =
    /^arn:(aws|aws-cn|aws-us-gov):sns:([a-z]{2}(?:-[a-z0-9]+)+):\d{12}:[\w.-]+$/.exec(arn) ?? []
  return region === undefined ? undefined : `sns.${region}.amazonaws.com${partition === 'aws-cn' ? '.cn' : ''}`
}

async function certificateAt(url: string, tools: VerifyTools): Promise<CertificateKey | null> {
  const isGood = (_: CertificateKey | null, ageMs: number): boolean => ageMs < certificateTtlMs
  return cachedOr(
    tools,
    `sns ${url}`,
    isGood,
    async () => readCertificate(await fetchText(tools, url, maxCertificateBytes)) ?? null,
  )
}

/** What is signed: names and values of some fields in the order of their names, each on a line of its own. */
function signedText(message: SnsMessage): string {
  const names =
    message.Type === 'Notification'
      ? (['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'] as const)
      : (['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'] as const)
  return names.map((name) => (typeof message[name] === 'string' ? `${name}\n${message[name]}\n` : '')).join('')
}

/** Whether the header that SNS sends names the topic of the message. */
export async function isTopicOfHeader(header: string | null, message: SnsMessage): Promise<boolean> {
  return header === null || isEqualConstantTime(header, message.TopicArn)
}
