import { expect, test } from 'vitest'

import { readableName } from './readable-name.ts'

test.each([
  ['a right-to-left override', 'invoice\u202Efdp.exe', 'invoicefdp.exe'],
  ['isolates and marks', '\u2066a\u2069\u200F\u200Eb\u061C.pdf', 'ab.pdf'],
  ['zero-width spaces', 'Blue\u200B Crane\uFEFF\u2060.pdf', 'Blue Crane.pdf'],
  ['a joiner between Latin letters', 'Th\u200Dan\u200Cdi', 'Thandi'],
  ['a soft hyphen, fillers and a combining joiner', 'Bl\u00ADue\u3164\u115F Cra\u034Fne', 'Blue Crane'],
  ['a variation selector after a letter', 'a\uFE0Fb\u{E0101}', 'ab'],
  ['two joiners', 'می\u200C\u200Cخواهم', 'می\u200Cخواهم'],
  ['a joiner behind a removed character', 'a\u202E\u200Db', 'ab'],
  ['hidden text of tags', 'licence\u{E0061}\u{E0062}.pdf', 'licence.pdf'],
  ['annotations', 'a\uFFF9b\uFFFAc\uFFFB', 'abc'],
])('%s is removed', (_what, name, shown) => {
  expect(readableName(name)).toBe(shown)
  expect(readableName(shown)).toBe(shown)
})

test.each([
  ['Persian', 'می\u200Cخواهم.pdf'],
  ['Sinhala', 'ශ්\u200Dරී ලංකා.pdf'],
  ['Hindi', 'क्\u200Dष.pdf'],
  ['Malayalam', 'അവന്\u200D.pdf'],
  ['Arabic', 'رخصة.pdf'],
  ['Hebrew', 'רישיון.pdf'],
  ['an emoji of several characters', '👩🏽\u200D🔧 roster.pdf'],
  ['an emoji of a heart', '❤\uFE0F\u200D🔥.pdf'],
  ['a keycap', '1\uFE0F\u20E3.pdf'],
  ['a family', '👨\u200D👩\u200D👧.pdf'],
  ['a form of a Han character', '葛\u{E0100}城.pdf'],
  ['accents put together by the reader', 'e\u0301.pdf'],
])('a name in %s stays', (_what, name) => {
  expect(readableName(name)).toBe(name)
})
