import { MantineProvider } from '@mantine/core'
import { QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { BrowserRouter } from 'react-router'

import { queryClient } from '../api/client.ts'
import { LanguageProvider, type Language } from '../texts/texts.tsx'
import { CrashBoundary } from './crash-boundary.tsx'
import { NoticeProvider } from './notices.tsx'
import { theme } from './theme.ts'
import { Views } from './views.tsx'

/** The whole page. Mantine’s own `<style>` elements are off: the content policy allows none, and theme.css replaces them. */
export function App({ language }: { language: Language }) {
  return (
    <StrictMode>
      <LanguageProvider language={language}>
        <MantineProvider
          theme={theme}
          defaultColorScheme="auto"
          withCssVariables={false}
          withGlobalClasses={false}
          withStaticClasses={false}
        >
          <CrashBoundary>
            <QueryClientProvider client={queryClient}>
              <NoticeProvider>
                <BrowserRouter>
                  <Views />
                </BrowserRouter>
              </NoticeProvider>
            </QueryClientProvider>
          </CrashBoundary>
        </MantineProvider>
      </LanguageProvider>
    </StrictMode>
  )
}
