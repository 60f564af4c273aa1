// After the scripts whose letters join: a joiner there is spelling.
const joiningScripts = [
  'Arab Syrc Nkoo Mand Mong Phag Adlm Rohg Sogd',
  'Deva Beng Guru Gujr Orya Taml Telu Knda Mlym Sinh Tibt Mymr Khmr Bali Java Newa Gran',
]
  .join(' ')
  .split(' ')
  .map((script) => String.raw`\p{scx=${script}}`)
  .join('')

const spelling = [
  String.raw`(?<=[${joiningScripts}])[\u200C\u200D\u180E]`,
  String.raw`(?<=[\p{Extended_Pictographic}\p{Emoji_Modifier}\uFE0F])\u200D(?=\p{Extended_Pictographic})`,
  String.raw`(?<=\p{Extended_Pictographic})[\uFE0E\uFE0F]`,
  String.raw`(?<=[0-9#*])\uFE0F(?=\u20E3)`,
  String.raw`(?<=[\p{scx=Han}\p{scx=Mong}\p{scx=Mymr}\p{scx=Phag}])\p{Variation_Selector}`,
].join('|')

const invisible = new RegExp(String.raw`(${spelling})|[\p{Default_Ignorable_Code_Point}\uFFF9-\uFFFB]`, 'gu')

/**
 * A name of a file, a person or a firm as it is shown: without characters that nobody sees and that make it look like
 * another one, or run in the other direction. Where spelling needs them, they stay: joiners (U+200C, U+200D) in scripts
 * whose letters join, such as Persian and Sinhala, and in emoji of several characters; variation selectors of emoji and Han.
 * Between other letters they are removed. Flags of regions, made of invisible tags, become a black flag.
 */
export function readableName(name: string): string {
  return name.replaceAll(invisible, '$1')
}
