import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { NotificationEvent, Target } from '../../../src/notify/index.ts'
import {
  sendTo,
  startNotifyServer,
  testCommit,
  testEvent,
  testTarget,
  type NotifyServer,
} from '../../support/notify-server.ts'

let server: NotifyServer
before(async () => {
  server = await startNotifyServer()
})
after(() => server.close())

interface Row {
  readonly name: string
  readonly target: Target
  readonly event?: NotificationEvent
  readonly method?: string
  readonly url: string
  readonly headers: { readonly [name: string]: string | undefined }
  readonly body: string
}

const json = { 'content-type': 'application/json' }
const info: NotificationEvent = {
  ...testEvent,
  severity: 'info',
  reason: 'ReconciliationSucceeded',
  message: 'done',
  metadata: {},
}
const text = 'health check failed: Deployment/web \\u003cnot ready\\u003e'
const revision = `main@sha1:${testCommit}`
const fields = `[{"title":"revision","value":"${revision}","short":false},{"title":"summary","value":"production","short":false}]`
const hook = 'https://hooks.example.com/services/T000/B000/secret'

const rows: readonly Row[] = [
  {
    name: 'slack by webhook',
    target: testTarget('slack', { address: hook, channel: 'deploys' }),
    url: hook,
    headers: { ...json, authorization: undefined },
    body: `{"channel":"deploys","username":"kustomize-controller","icon_url":"","icon_emoji":"","attachments":[{"fallback":"kustomization/app.team: ${text}","color":"danger","author_name":"kustomization/app.team","text":"${text}","mrkdwn_in":["text"],"fields":${fields}}]}`,
  },
  {
    name: 'slack by token, with a name of its own',
    target: testTarget('slack', { address: 'https://slack.example.com/api', token: 'xoxb-1', username: 'bot' }),
    event: info,
    url: 'https://slack.example.com/api',
    headers: { ...json, authorization: 'Bearer xoxb-1' },
    body: '{"channel":"","username":"bot","icon_url":"","icon_emoji":"","attachments":[{"fallback":"kustomization/app.team: done","color":"good","author_name":"kustomization/app.team","text":"done","mrkdwn_in":["text"],"fields":[]}]}',
  },
  {
    name: 'discord adds /slack',
    target: testTarget('discord', { address: 'https://discord.example.com/api/webhooks/1/abc', channel: 'unused' }),
    url: 'https://discord.example.com/api/webhooks/1/abc/slack',
    headers: json,
    body: `{"channel":"","username":"kustomize-controller","icon_url":"","icon_emoji":"","attachments":[{"fallback":"","color":"danger","author_name":"kustomization/app.team","text":"${text}","mrkdwn_in":["text"],"fields":${fields}}]}`,
  },
  {
    name: 'discord with /slack already there',
    target: testTarget('discord', { address: 'https://discord.example.com/api/webhooks/1/abc/slack', username: 'bot' }),
    event: info,
    url: 'https://discord.example.com/api/webhooks/1/abc/slack',
    headers: json,
    body: '{"channel":"","username":"bot","icon_url":"","icon_emoji":"","attachments":[{"fallback":"","color":"good","author_name":"kustomization/app.team","text":"done","mrkdwn_in":["text"],"fields":[]}]}',
  },
  {
    name: 'rocket, an error',
    target: testTarget('rocket', { address: hook, channel: 'deploys' }),
    url: hook,
    headers: json,
    body: `{"channel":"deploys","username":"","icon_url":"","icon_emoji":"","attachments":[{"fallback":"","color":"#FF0000","author_name":"kustomization/app.team","text":"${text}","mrkdwn_in":["text"],"fields":${fields}}]}`,
  },
  {
    name: 'rocket, a success',
    target: testTarget('rocket', { address: hook, username: 'bot' }),
    event: info,
    url: hook,
    headers: json,
    body: '{"channel":"","username":"bot","icon_url":"","icon_emoji":"","attachments":[{"fallback":"","color":"#0076D7","author_name":"kustomization/app.team","text":"done","mrkdwn_in":["text"],"fields":[]}]}',
  },
  {
    name: 'msteams, a workflow',
    target: testTarget('msteams', { address: 'https://prod-1.westeurope.logic.azure.com/workflows/abc?sig=x' }),
    url: 'https://prod-1.westeurope.logic.azure.com/workflows/abc?sig=x',
    headers: json,
    body: `{"type":"message","attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","content":{"$schema":"http://adaptivecards.io/schemas/adaptive-card.json","type":"AdaptiveCard","version":"1.4","body":[{"type":"Container","items":[{"type":"TextBlock","text":"kustomization/app.team","size":"large","weight":"bolder","wrap":true},{"type":"TextBlock","text":"${text}","color":"attention","wrap":true},{"type":"FactSet","facts":[{"title":"summary","value":"production"},{"title":"revision","value":"${revision}"}]}]}],"msteams":{"width":"Full"}}}]}`,
  },
  {
    name: 'msteams, a success without facts',
    target: testTarget('msteams', { address: 'https://prod-1.westeurope.logic.azure.com/workflows/abc' }),
    event: info,
    url: 'https://prod-1.westeurope.logic.azure.com/workflows/abc',
    headers: json,
    body: '{"type":"message","attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","content":{"$schema":"http://adaptivecards.io/schemas/adaptive-card.json","type":"AdaptiveCard","version":"1.4","body":[{"type":"Container","items":[{"type":"TextBlock","text":"kustomization/app.team","size":"large","weight":"bolder","wrap":true},{"type":"TextBlock","text":"done","wrap":true},{"type":"FactSet"}]}],"msteams":{"width":"Full"}}}]}',
  },
  {
    name: 'msteams, a connector of the old kind',
    target: testTarget('msteams', { address: 'https://team.webhook.office.com/webhookb2/abc' }),
    url: 'https://team.webhook.office.com/webhookb2/abc',
    headers: json,
    body: `{"@type":"MessageCard","@context":"http://schema.org/extensions","themeColor":"FF0000","summary":"kustomization/app.team","sections":[{"activityTitle":"${text}","activitySubtitle":"kustomization/app.team","facts":[{"name":"revision","value":"${revision}"},{"name":"summary","value":"production"}]}]}`,
  },
  {
    name: 'msteams, a host that only ends alike is no connector',
    target: testTarget('msteams', { address: 'https://evilwebhook.office.com/x' }),
    event: info,
    url: 'https://evilwebhook.office.com/x',
    headers: json,
    body: '{"type":"message","attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","content":{"$schema":"http://adaptivecards.io/schemas/adaptive-card.json","type":"AdaptiveCard","version":"1.4","body":[{"type":"Container","items":[{"type":"TextBlock","text":"kustomization/app.team","size":"large","weight":"bolder","wrap":true},{"type":"TextBlock","text":"done","wrap":true},{"type":"FactSet"}]}],"msteams":{"width":"Full"}}}]}',
  },
  {
    name: 'googlechat',
    target: testTarget('googlechat', { address: 'https://chat.googleapis.com/v1/spaces/A/messages?key=k' }),
    url: 'https://chat.googleapis.com/v1/spaces/A/messages?key=k',
    headers: json,
    body: `{"cards":[{"header":{"title":"kustomization/app.team","subtitle":"kustomize-controller","imageUrl":null,"imageStyle":null},"sections":[{"header":"","widgets":[{"textParagraph":{"text":"\\u003cfont color=\\"#ff0000\\"\\u003e${text}\\u003c/font\\u003e"},"keyValue":null}]},{"header":"","widgets":[{"textParagraph":null,"keyValue":{"topLabel":"revision","content":"${revision}","contentMultiline":false,"bottomLabel":null,"icon":null}},{"textParagraph":null,"keyValue":{"topLabel":"summary","content":"production","contentMultiline":false,"bottomLabel":null,"icon":null}}]}]}]}`,
  },
  {
    name: 'webex',
    target: testTarget('webex', { address: 'https://webexapis.com/v1/messages', channel: 'room', token: 'bot-token' }),
    url: 'https://webexapis.com/v1/messages',
    headers: { ...json, authorization: 'Bearer bot-token' },
    body: `{"roomId":"room","markdown":"💣 **kustomization/app.team**\\n${text}\\n\\u003e**revision**: ${revision}\\n\\u003e**summary**: production\\n"}`,
  },
  {
    name: 'telegram, a topic',
    target: testTarget('telegram', { channel: '-100:7', token: '12345:abcdef', address: 'https://unused.example.com' }),
    url: 'https://api.telegram.org/bot12345:abcdef/sendMessage',
    headers: json,
    body: `{"chat_id":"-100","message_thread_id":"7","text":"*🚨 kustomization/app/team*\\nhealth check failed: Deployment/web \\u003cnot ready\\\\\\u003e\\n\\\\- *revision*: main@sha1:${testCommit}\\n\\\\- *summary*: production\\n","parse_mode":"MarkdownV2"}`,
  },
  {
    name: 'telegram, a chat; what Markdown reserves is escaped',
    target: testTarget('telegram', { channel: '@deploys', token: '12345:abcdef' }),
    event: { ...info, message: 'a_b*c[d](e)~`>#+-=|{}.!\\' },
    url: 'https://api.telegram.org/bot12345:abcdef/sendMessage',
    headers: json,
    body: '{"chat_id":"@deploys","text":"*💫 kustomization/app/team*\\na\\\\_b\\\\*c\\\\[d\\\\]\\\\(e\\\\)\\\\~\\\\`\\\\\\u003e\\\\#\\\\+\\\\-\\\\=\\\\|\\\\{\\\\}\\\\.\\\\!\\\\\\\\\\n","parse_mode":"MarkdownV2"}',
  },
  {
    name: 'lark',
    target: testTarget('lark', { address: 'https://open.larksuite.com/open-apis/bot/v2/hook/abc' }),
    url: 'https://open.larksuite.com/open-apis/bot/v2/hook/abc',
    headers: json,
    body: `{"msg_type":"interactive","card":{"config":{"wide_screen_mode":true},"header":{"title":{"tag":"plain_text","content":"🚨 kustomization/app.team"},"template":"red"},"elements":[{"tag":"div","text":{"tag":"lark_md","content":"**${text}**\\n\\nrevision: ${revision}\\nsummary: production\\n"}}]}}`,
  },
  {
    name: 'matrix',
    target: testTarget('matrix', {
      address: 'https://matrix.example.com',
      channel: '!room:example.com',
      token: 'mx-token',
    }),
    method: 'PUT',
    // The SHA-1 of the event's JSON, as `sha1sum` gives it.
    url: 'https://matrix.example.com/_matrix/client/r0/rooms/!room:example.com/send/m.room.message/$SHA1',
    headers: { ...json, authorization: 'Bearer mx-token' },
    body: `{"body":"🚨 kustomization/app.team\\n${text}\\n- revision: ${revision}\\n- summary: production\\n","msgtype":"m.text"}`,
  },
  {
    name: 'zulip',
    target: testTarget('zulip', {
      address: 'https://team.zulipchat.com/anything',
      channel: 'deploys/flux events',
      username: 'bot@example.com',
      password: 'pass',
    }),
    url: 'https://team.zulipchat.com/api/v1/messages',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      authorization: 'Basic Ym90QGV4YW1wbGUuY29tOnBhc3M=',
    },
    body: `content=%23%23+Flux+Status%0A%0A%E2%9A%A0%EF%B8%8F+Kustomization%2Fteam%2Fapp%0A%0Ahealth+check+failed%3A+Deployment%2Fweb+%3Cnot+ready%3E%0A%0AMetadata%3A%0A%2A+%60revision%60%3A+main%40sha1%3A${testCommit}%0A%2A+%60summary%60%3A+production%0A&to=deploys&topic=flux+events&type=stream`,
  },
  {
    name: 'zoom',
    target: testTarget('zoom', {
      address: 'https://integrations.zoom.us/chat/webhooks/incomingwebhook/abc',
      token: 'zoom-token',
    }),
    url: 'https://integrations.zoom.us/chat/webhooks/incomingwebhook/abc?format=full',
    headers: { ...json, authorization: 'zoom-token' },
    body: `{"content":{"head":{"text":"kustomization/app.team","sub_head":{"text":"error"}},"body":[{"type":"message","text":"${text}"},{"type":"fields","items":[{"key":"revision","value":"${revision}"},{"key":"summary","value":"production"}]}]}}`,
  },
  {
    name: 'zoom, with a format of its own',
    target: testTarget('zoom', { address: 'https://integrations.zoom.us/hook?format=message', token: 'zoom-token' }),
    event: info,
    url: 'https://integrations.zoom.us/hook?format=message',
    headers: { ...json, authorization: 'zoom-token' },
    body: '{"content":{"head":{"text":"kustomization/app.team","sub_head":{"text":"info"}},"body":[{"type":"message","text":"done"}]}}',
  },
  {
    name: 'mastodon',
    target: testTarget('mastodon', { address: 'https://mastodon.example.com', token: 'masto-token' }),
    event: info,
    url: 'https://mastodon.example.com/api/v1/statuses',
    headers: { ...json, authorization: 'Bearer masto-token' },
    body: '{"status":"💫 kustomization/app.team\\ndone"}',
  },
]

describe('messages for people', () => {
  for (const row of rows) {
    it(row.name, async () => {
      const { createHash } = await import('node:crypto')
      const event = row.event ?? testEvent
      const sha1 = createHash('sha1')
        .update(
          `{"involvedObject":{"kind":"Kustomization","namespace":"team","name":"app","uid":"5a7b0f7c-0000-4000-8000-000000000001","apiVersion":"kustomize.toolkit.fluxcd.io/v1","resourceVersion":"42"},"severity":"error","timestamp":"2026-01-02T03:04:05Z","message":"${text}","reason":"HealthCheckFailed","metadata":{"revision":"${revision}","summary":"production"},"reportingController":"kustomize-controller","reportingInstance":"kustomize-controller"}`,
        )
        .digest('hex')
      server.received.length = 0
      await sendTo(server, row.target, event)
      assert.equal(server.received.length, 1)
      const [request] = server.received
      assert.equal(request?.method, row.method ?? 'POST')
      assert.equal(request.url, row.url.replace('$SHA1', sha1))
      for (const [name, value] of Object.entries(row.headers)) assert.equal(request.headers[name], value, name)
      assert.equal(request.body, row.body)
    })
  }
})

describe('what a chat Provider needs', () => {
  const bad: readonly (readonly [string, Target, RegExp])[] = [
    ['no address', testTarget('slack'), /has no address/],
    [
      'an address of another scheme',
      testTarget('slack', { address: 'ftp://example.com/x' }),
      /no URL with http or https/,
    ],
    ['no channel for telegram', testTarget('telegram', { token: '1:2' }), /needs spec\.channel/],
    ['no token for telegram', testTarget('telegram', { channel: 'x' }), /needs a Secret with token/],
    [
      'a channel of zulip without a topic',
      testTarget('zulip', { address: 'https://z.example.com', channel: 'x' }),
      /<channel>\/<topic>/,
    ],
    ['no token for zoom', testTarget('zoom', { address: 'https://z.example.com' }), /needs a Secret with token/],
  ]
  for (const [name, target, message] of bad) {
    it(name, async () => {
      server.received.length = 0
      await assert.rejects(sendTo(server, target), { code: 'notify-config', message })
      assert.equal(server.received.length, 0)
    })
  }
})

describe("Slack's own API", () => {
  const target = testTarget('slack', { address: 'https://slack.com/api/chat.postMessage', token: 'xoxb-secret-token' })
  it('says in its answer what went wrong', async () => {
    server.answer({ body: '{"ok":false,"error":"channel_not_found"}' })
    await assert.rejects(sendTo(server, target), {
      code: 'notify-refused',
      message: 'https://slack.com refused: channel_not_found',
    })
    server.answer({ body: 'hello' })
    await assert.rejects(sendTo(server, target), { message: 'https://slack.com refused: the answer is no JSON' })
    server.answer({ body: '{"ok":true}' })
    await sendTo(server, target)
  })

  it('is asked nowhere else', async () => {
    server.answer({ body: '{"ok":false,"error":"channel_not_found"}' })
    await sendTo(server, { ...target, address: 'https://slack.com/api/chat.postMessage/' })
  })
})
