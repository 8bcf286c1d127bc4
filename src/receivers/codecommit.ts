import { z } from 'zod'
import { matchesAnySecret } from './constant-time.ts'
import {
  boundedText,
  commitId,
  decodeChanges,
  eventName,
  parseJson,
  parseWith,
  payloadInvalid,
  refName,
} from './payload.ts'
import { confirmSubscription, isSignedBySns, isTopicOfHeader, parseSnsMessage, type SnsMessage } from './sns.ts'
import type { Decoded, Receiver } from './types.ts'

const region = z.string().regex(/^[a-z]{2}(-[a-z0-9]+)+$/, 'must be a region')
const repositoryName = z.string().regex(/^[\w.-]{1,100}$/, 'must be the name of a repository')

/** A trigger of a repository. */
const triggerPayload = z.object({
  Records: z
    .array(
      z.object({
        awsRegion: region,
        eventSourceARN: z
          .string()
          .regex(/^arn:[\w-]+:codecommit:[\w-]+:\d{12}:[\w.-]{1,100}$/, 'must name a repository'),
        userIdentityARN: boundedText(512).nullish(),
        codecommit: z.object({
          references: z.array(z.object({ ref: refName, commit: commitId.nullish(), deleted: z.boolean().nullish() })),
        }),
      }),
    )
    .min(1)
    .max(20),
})

/** A state change of a repository by way of EventBridge. */
const eventPayload = z.object({
  'detail-type': z.string(),
  region,
  detail: z.object({
    event: boundedText(64),
    repositoryName,
    referenceFullName: refName.nullish(),
    referenceType: boundedText(32).nullish(),
    referenceName: boundedText(1000).nullish(),
    commitId: commitId.nullish(),
    oldCommitId: commitId.nullish(),
    callerUserArn: boundedText(512).nullish(),
  }),
})

/**
 * AWS CodeCommit by way of a topic of Amazon SNS: triggers of a repository, or its state changes from EventBridge. Proof is Amazon's signature together with the name of the topic, which
 * takes the place of a secret in the configuration. Subscriptions of these topics are confirmed.
 */
export const codecommit: Receiver = {
  setting: 'CODECOMMIT_TOPIC_ARN',
  maxBytes: 512 << 10,

  async verifyHeaders(headers, topics) {
    const topic = headers.get('x-amz-sns-topic-arn') ?? ''
    return topic !== '' && matchesAnySecret(topic, topics)
  },

  async verifyBody(headers, body, topics, tools) {
    let message: SnsMessage
    try {
      message = parseSnsMessage(body)
    } catch {
      return false // The signature is inside; what cannot be read is not signed.
    }
    return (
      (await isTopicOfHeader(headers.get('x-amz-sns-topic-arn'), message)) &&
      (await isSignedBySns(message, topics, tools))
    )
  },

  decode(_headers, body) {
    const message = parseSnsMessage(body)
    const facts = { event: message.Type as string, deliveryId: message.MessageId }
    if (message.Type === 'SubscriptionConfirmation')
      return { ...facts, kind: 'confirmation', confirm: (tools) => confirmSubscription(message, tools) }
    if (message.Type !== 'Notification') return { ...facts, kind: 'ignored', reason: 'the subscription ended' }
    const payload = parseJson(message.Message)
    if (typeof payload !== 'object' || payload === null)
      throw payloadInvalid([{ field: 'Message', message: 'is no JSON object' }])
    if ('detail-type' in payload) return decodeEvent(facts, parseWith(eventPayload, payload))
    if ('Records' in payload) return decodeTrigger(facts, parseWith(triggerPayload, payload))
    return { ...facts, kind: 'ignored', reason: 'the message is no event of CodeCommit' }
  },
}

type Facts = Pick<Decoded, 'event' | 'deliveryId'>

function decodeTrigger(facts: Facts, payload: z.infer<typeof triggerPayload>): Decoded {
  const [first] = payload.Records
  if (first === undefined || payload.Records.some((record) => record.eventSourceARN !== first.eventSourceARN))
    throw payloadInvalid([{ field: 'Records', message: 'are about more than one repository' }])
  const name = first.eventSourceARN.split(':').at(-1) ?? ''
  const repository = {
    provider: 'codecommit',
    urls: urlsOf(first.awsRegion, name),
    actor: first.userIdentityARN ?? undefined,
  }
  const changes = payload.Records.flatMap((record) => record.codecommit.references).map((reference) => ({
    ref: reference.ref,
    after: reference.commit,
    isDeleted: reference.deleted === true,
  }))
  return decodeChanges({ ...facts, event: 'ReferenceChanges' }, repository, changes)
}

function decodeEvent(outer: Facts, payload: z.infer<typeof eventPayload>): Decoded {
  const { detail } = payload
  const facts = { ...outer, event: eventName(detail.event) }
  const short = detail.referenceName ?? ''
  const ref =
    detail.referenceFullName ??
    (short === '' ? '' : `refs/${detail.referenceType === 'tag' ? 'tags' : 'heads'}/${short}`)
  if (!['referenceCreated', 'referenceUpdated', 'referenceDeleted'].includes(detail.event) || ref === '')
    return { ...facts, kind: 'ignored', reason: `events of type ${facts.event} are not acted on` }
  const repository = {
    provider: 'codecommit',
    urls: urlsOf(payload.region, detail.repositoryName),
    actor: detail.callerUserArn ?? undefined,
  }
  return decodeChanges(facts, repository, [
    { ref, before: detail.oldCommitId, after: detail.commitId, isDeleted: detail.event === 'referenceDeleted' },
  ])
}

function urlsOf(awsRegion: string, name: string): readonly string[] {
  const domain = awsRegion.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'
  return [
    `https://git-codecommit.${awsRegion}.${domain}/v1/repos/${name}`,
    `https://git-codecommit-fips.${awsRegion}.${domain}/v1/repos/${name}`,
  ]
}
