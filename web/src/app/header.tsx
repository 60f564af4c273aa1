import { Anchor, Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react'
import { Link, useLocation } from 'react-router'

import { selfQuery } from '../api/queries.ts'
import { signOut, useSessionStatus } from '../api/session.ts'
import { MessagesLink } from '../messages/messages-link.tsx'
import { useTexts } from '../texts/texts.tsx'

/** The head of every view. */
export function Header() {
  const { product } = useTexts()
  const status = useSessionStatus()
  return (
    <header className="header">
      <Link to="/" className="brand" aria-label={product}>
        <Logo />
        <span className={status === 'signed_in' ? 'brand-name' : undefined}>{product}</span>
      </Link>
      {status === 'signed_in' ? <Navigation /> : null}
    </header>
  )
}

function Navigation() {
  const { shell } = useTexts()
  const { data: self } = useQuery(selfQuery)
  const menu = useMenu()
  // Their links fill three rows on a phone. Others see their few links at once.
  const hasMenu = self?.is_administrator === true
  return (
    <>
      {hasMenu ? (
        <Button
          ref={menu.button}
          variant="default"
          size="sm"
          className="menu-button"
          aria-expanded={menu.isOpen}
          aria-controls={menu.id}
          onClick={menu.toggle}
        >
          {shell.menu}
        </Button>
      ) : null}
      <nav
        id={menu.id}
        aria-label={shell.main}
        className={`header-links${hasMenu ? ' menu-links' : ''}`}
        data-open={menu.isOpen}
        onKeyDown={menu.closeByEscape}
      >
        <ReviewerLinks />
        <Anchor component={Link} to="/firms">
          {shell.firms}
        </Anchor>
        {hasMenu ? (
          <Anchor component={Link} to="/admin">
            {shell.operator}
          </Anchor>
        ) : null}
        <MessagesLink />
        <Anchor component={Link} to="/account">
          {shell.account}
        </Anchor>
        <Button variant="default" size="sm" onClick={() => void signOut()}>
          {shell.signOut}
        </Button>
      </nav>
    </>
  )
}

/** A menu that another view or Escape closes; the focus then returns to its button. */
function useMenu() {
  const [isOpen, setOpen] = useState(false)
  const button = useRef<HTMLButtonElement>(null)
  const { key } = useLocation()
  useEffect(() => setOpen(false), [key])
  return {
    id: useId(),
    isOpen,
    button,
    toggle: () => setOpen(!isOpen),
    closeByEscape: (event: KeyboardEvent) => {
      if (event.key !== 'Escape' || !isOpen) return
      setOpen(false)
      button.current?.focus()
    },
  }
}

/** For reviewers and administrators of the platform. */
function ReviewerLinks() {
  const { review: texts } = useTexts()
  const { data: self } = useQuery(selfQuery)
  if (self === undefined || (!self.is_administrator && self.platform_role !== 'reviewer')) return null
  return (
    <>
      <Anchor component={Link} to="/review">
        {texts.title}
      </Anchor>
      {self.is_administrator ? (
        <Anchor component={Link} to="/review/applications">
          {texts.applications}
        </Anchor>
      ) : null}
    </>
  )
}

/** The sign of the product; its name is beside it. */
function Logo() {
  return (
    <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
      <rect width="32" height="32" rx="7" className="logo-ground" />
      <path d="M9 6h9l6 6v14H9z" className="logo-page" />
      <path d="m12 18 3 3 6-6" fill="none" className="logo-mark" />
    </svg>
  )
}
