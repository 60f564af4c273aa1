import { Anchor, Loader, VisuallyHidden } from '@mantine/core'
import { type ReactNode, useEffect, useRef } from 'react'
import { Link, useLocation } from 'react-router'

import { Given, useTexts } from '../texts/texts.tsx'
import { Header } from './header.tsx'

type Frame = {
  title?: string
  /** Names that people wrote are marked as given. */
  isGivenTitle?: boolean
  /** `narrow`: for a form. */
  width?: 'narrow' | 'wide'
  /** The firm or another context above the title. */
  above?: ReactNode
  children: ReactNode
}

/** The head, the title and the main part of every view. */
export function PageFrame({ title, isGivenTitle = false, width = 'wide', above, children }: Frame) {
  const { everyView, product } = useTexts()
  useTitle(title)
  return (
    <>
      <a className="skip" href="#content">
        {everyView.skip}
      </a>
      <Header />
      {above}
      <main id="content" className={width} tabIndex={-1}>
        {title === undefined ? (
          <VisuallyHidden component="h1">{product}</VisuallyHidden>
        ) : (
          <ViewTitle>{isGivenTitle ? <Given>{title}</Given> : title}</ViewTitle>
        )}
        {children}
      </main>
    </>
  )
}

/** Gets the focus after a change of the view, so that a screen reader reads where the person is now. */
export function ViewTitle({ children }: { children: ReactNode }) {
  const heading = useRef<HTMLHeadingElement>(null)
  const { key } = useLocation()
  useEffect(() => {
    // Not at the first view, which begins at the top, nor while a field has the focus, as that of a filter.
    if (key !== 'default' && document.activeElement?.matches('input, select, textarea') !== true)
      heading.current?.focus()
  }, [key])
  return (
    <h1 ref={heading} tabIndex={-1} className="view-title">
      {children}
    </h1>
  )
}

export function useTitle(title: string | undefined): void {
  const { product } = useTexts()
  useEffect(() => {
    document.title = title === undefined ? product : `${title} – ${product}`
  }, [title, product])
}

export function Loading() {
  const { everyView } = useTexts()
  return (
    <main className="loading" aria-busy="true">
      <VisuallyHidden component="h1">{everyView.loading}</VisuallyHidden>
      <Loader />
    </main>
  )
}

export function NotFound() {
  const { errors } = useTexts()
  return (
    <PageFrame title={errors.notFoundTitle} width="narrow">
      <p>{errors.notFound}</p>
      <Anchor component={Link} to="/">
        {errors.home}
      </Anchor>
    </PageFrame>
  )
}

type Props = { title: string; help: string; tone?: 'good'; children?: ReactNode }

/** What a list shows when it has nothing, and what to do about it. */
export function Empty({ title, help, tone, children }: Props) {
  return (
    <div className={tone === undefined ? 'box' : `box box-${tone}`}>
      <h2>{title}</h2>
      <p>{help}</p>
      {children}
    </div>
  )
}
