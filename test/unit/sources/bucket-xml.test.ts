import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeEntities, xmlElements, xmlText } from '../../../src/sources/bucket/xml.ts'

describe('listings in XML', () => {
  it('are read element by element', () => {
    const rows: [text: string, name: string, want: string[]][] = [
      ['<a>1</a><a>2</a>', 'a', ['1', '2']],
      ['<ab>1</ab><a>2</a>', 'a', ['2']],
      ['<a x="1">1</a><a/><a />', 'a', ['1', '', '']],
      ['<a>1', 'a', []],
      ['<a', 'a', []],
      ['<a><b>1</b></a>', 'b', ['1']],
      ['', 'a', []],
    ]
    for (const [text, name, want] of rows) assert.deepEqual([...xmlElements(text, name)], want, text)
    assert.equal(xmlText('<a>&lt;&amp;&quot;</a>', 'a'), '<&"')
    assert.equal(xmlText('<b/>', 'a'), undefined)
  })

  it('have entities by name and number; unknown ones stay', () => {
    assert.equal(decodeEntities('&#65;&#x42;&apos;&nope;&#1114112;&amp;lt;'), "AB'&nope;\ufffd&lt;")
  })

  it('of hostile length end soon', () => {
    for (const text of ['<a>', '<a ', '<ab>', '<ab'].map((part) => part.repeat(200_000)))
      assert.equal([...xmlElements(text, 'a')].length, 0)
    assert.equal([...xmlElements('<a></a>'.repeat(200_000), 'a')].length, 200_000)
  })
})
