import { objectTitle } from '../event.ts'
import { sortedEntries } from '../go-json.ts'
import { addressOf, chatProvider, postJson } from '../provider.ts'

/** Google Chat: a card of version 1. */
export const googlechat = chatProvider((event, target) => {
  const text = event.severity === 'error' ? `<font color="#ff0000">${event.message}</font>` : event.message
  const facts = sortedEntries(event.metadata).map(([topLabel, content]) => ({
    textParagraph: null,
    keyValue: { topLabel, content, contentMultiline: false, bottomLabel: null, icon: null },
  }))
  const sections = [
    { header: '', widgets: [{ textParagraph: { text }, keyValue: null }] },
    ...(facts.length === 0 ? [] : [{ header: '', widgets: facts }]),
  ]
  const header = { title: objectTitle(event), subtitle: event.reportingController, imageUrl: null, imageStyle: null }
  return [postJson(addressOf(target), { cards: [{ header, sections }] })]
})
