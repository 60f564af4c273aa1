import { join } from 'node:path'

import { convertCssVariables, defaultCssVariablesResolver, mergeMantineTheme, DEFAULT_THEME } from '@mantine/core'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

import { cssVariables, theme } from './src/app/theme.ts'

const themeFile = 'virtual:theme.css'

/**
 * The variables of the theme as a file. Mantine would write them into a `<style>` element, which the content policy
 * forbids.
 */
function themeAsFile(): Plugin {
  const resolved = `\0${themeFile}`
  return {
    name: 'theme-as-file',
    resolveId: (id) => (id === themeFile ? resolved : undefined),
    load(id) {
      if (id !== resolved) return undefined
      const merged = mergeMantineTheme(DEFAULT_THEME, theme)
      return [defaultCssVariablesResolver(merged), cssVariables]
        .map((variables) => convertCssVariables(variables, ':root'))
        .join('\n')
    },
  }
}

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react(), themeAsFile()],
  build: {
    target: 'es2022',
    // A data address would need a wider content policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      input: [join(import.meta.dirname, 'index.html'), join(import.meta.dirname, 'preview-frame.html')],
    },
  },
})
