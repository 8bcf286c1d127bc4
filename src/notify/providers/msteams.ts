import { objectTitle, type NotificationEvent } from '../event.ts'
import { sortedEntries } from '../go-json.ts'
import { addressOf, chatProvider, postJson } from '../provider.ts'

/** Microsoft Teams: an adaptive card to a workflow; hosts of the connectors that were there before get the card that these read. */
export const msteams = chatProvider((event, target) => {
  const url = addressOf(target)
  const isConnector = new URL(url).hostname.endsWith('.webhook.office.com')
  return [postJson(url, isConnector ? messageCard(event) : adaptiveCard(event))]
})

function messageCard(event: NotificationEvent): object {
  const title = objectTitle(event)
  return {
    '@type': 'MessageCard',
    '@context': 'http://schema.org/extensions',
    themeColor: event.severity === 'error' ? 'FF0000' : '0076D7',
    summary: title,
    sections: [
      {
        activityTitle: event.message,
        activitySubtitle: title,
        facts: sortedEntries(event.metadata).map(([name, value]) => ({ name, value })),
      },
    ],
  }
}

/** The version 1.4 of the schema is the newest that Teams shows. The summary comes first, the other facts in their order. */
function adaptiveCard(event: NotificationEvent): object {
  const { summary, ...rest } = event.metadata
  const facts = [...(summary === undefined ? [] : [['summary', summary] as const]), ...sortedEntries(rest)]
  const message = {
    type: 'TextBlock',
    text: event.message,
    color: event.severity === 'error' ? 'attention' : undefined,
    wrap: true,
  }
  const items = [
    { type: 'TextBlock', text: objectTitle(event), size: 'large', weight: 'bolder', wrap: true },
    message,
    { type: 'FactSet', facts: facts.length === 0 ? undefined : facts.map(([title, value]) => ({ title, value })) },
  ]
  return {
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          body: [{ type: 'Container', items }],
          msteams: { width: 'Full' },
        },
      },
    ],
  }
}
