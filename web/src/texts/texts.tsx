import { createContext, type ReactNode, useContext } from 'react'

import { en, type Texts } from './en.ts'
import { createFormats, type Formats } from './formats.ts'

export type Language = { texts: Texts; formats: Formats }

const english: Language = { texts: en, formats: createFormats('en-ZA') }
const LanguageContext = createContext<Language>(english)

/** The stored language. There is one so far; `pseudo` is for tests and loads on demand. */
export async function loadLanguage(): Promise<Language> {
  if (localStorage.getItem('paniq.language') !== 'pseudo') return english
  const { createPseudo } = await import('./pseudo.ts')
  return { ...english, texts: createPseudo(en) }
}

export function LanguageProvider({ language, children }: { language: Language; children: ReactNode }) {
  return <LanguageContext value={language}>{children}</LanguageContext>
}

export function useTexts(): Texts {
  return useContext(LanguageContext).texts
}

export function useFormats(): Formats {
  return useContext(LanguageContext).formats
}

/** Marks text that people or the service wrote, such as a name. It is shown as it is, never as HTML. */
export function Given({ children }: { children: ReactNode }) {
  return (
    <bdi data-given translate="no">
      {children}
    </bdi>
  )
}
