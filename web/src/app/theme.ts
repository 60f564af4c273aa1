import { createTheme, type MantineColorsTuple } from '@mantine/core'

/** The project's own green, from light to dark. */
const paniq: MantineColorsTuple = [
  '#e9f6f6',
  '#d2eaea',
  '#a4d6d7',
  '#72c0c1',
  '#4badae',
  '#2f9899',
  '#1c8385',
  '#0f7072',
  '#0b5f63',
  '#064a4e',
]

export const theme = createTheme({
  colors: { paniq },
  primaryColor: 'paniq',
  // Lighter shades have too little contrast with white text.
  primaryShade: { light: 8, dark: 7 },
  defaultRadius: 'md',
  cursorType: 'pointer',
  // A finger needs 44 pixels.
  components: { Button: { classNames: { root: 'button' } } },
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif',
  headings: { fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif', fontWeight: '650' },
})

type Variables = Record<'variables' | 'light' | 'dark', Record<`--${string}`, string>>

/** What differs from Mantine's variables, and our own: each text has a contrast of 4.5 to 1 on its background. */
export const cssVariables: Variables = {
  variables: {},
  light: {
    '--mantine-color-anchor': '#0b5f63',
    '--mantine-color-dimmed': '#4f5a63',
    '--mantine-color-placeholder': '#66707a',
    '--mantine-color-error': '#b42318',
    '--mantine-color-text': '#17212b',
    '--page-background': '#f4f6f7',
    '--surface': '#ffffff',
    '--line': '#d5dbe0',
    '--line-strong': '#8a949e',
    '--good-text': '#14653a',
    '--good-surface': '#e3f4e9',
    '--bad-text': '#a1221a',
    '--bad-surface': '#fdeceb',
    '--warn-text': '#7a4a00',
    '--warn-surface': '#fdf1db',
    '--wait-text': '#1d4f91',
    '--wait-surface': '#e7f0fc',
    '--plain-text': '#48525b',
    '--plain-surface': '#eaedf0',
  },
  dark: {
    '--mantine-color-body': '#12181d',
    '--mantine-color-anchor': '#7fd0d1',
    '--mantine-color-dimmed': '#a9b4be',
    '--mantine-color-placeholder': '#8f9aa5',
    '--mantine-color-error': '#ff9d94',
    '--mantine-color-text': '#e6ebef',
    '--page-background': '#12181d',
    '--surface': '#1b232a',
    '--line': '#35414b',
    '--line-strong': '#76828d',
    '--good-text': '#86dba8',
    '--good-surface': '#173526',
    '--bad-text': '#ffa89f',
    '--bad-surface': '#44201d',
    '--warn-text': '#f6c978',
    '--warn-surface': '#3e2f12',
    '--wait-text': '#a3c8f8',
    '--wait-surface': '#1b304b',
    '--plain-text': '#bac4cd',
    '--plain-surface': '#2b353e',
  },
}
