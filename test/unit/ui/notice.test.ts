import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { noticeText } from '../../../src/ui/action-form.ts'

const shown = async (url: string, text = 'team/fleet#2'): Promise<string> =>
  String(await noticeText({ isProblem: false, text: 'Opened.', link: { url, text } }))

describe('the link of a notice', () => {
  it('leads to a page on the web', async () => {
    assert.match(
      await shown('https://git.example/team/fleet/2'),
      /<a [^>]*href="https:\/\/git\.example\/team\/fleet\/2"/,
    )
  })

  it('with another scheme is text, and no text is markup', async () => {
    for (const url of ['javascript:alert(1)', 'data:text/html,x', '//evil.example', 'no url']) {
      const text = await shown(url)
      assert.match(text, /team\/fleet#2/)
      assert.doesNotMatch(text, /<a |javascript|evil/, url)
    }
    assert.match(await shown('data:x', '<b>'), /&lt;b&gt;/)
  })
})
