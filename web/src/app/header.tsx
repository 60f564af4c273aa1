import { Anchor, Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react'
import { Link, NavLink, useLocation } from 'react-router'

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
  const { shell, review } = useTexts()
  const { data: self } = useQuery(selfQuery)
  const menu = useMenu()
  const isAdministrator = self?.is_administrator === true
  const isReviewer = isAdministrator || self?.platform_role === 'reviewer'
  // Their links fill more than a row on a phone. Others see their few links at once.
  const hasMenu = isReviewer
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
          onKeyDown={menu.closeByEscape}
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
        {isReviewer ? <HeadLink to="/review">{review.title}</HeadLink> : null}
        <HeadLink to="/firms">{shell.firms}</HeadLink>
        {isAdministrator ? <HeadLink to="/admin">{shell.operator}</HeadLink> : null}
        <MessagesLink />
        <HeadLink to="/account">{shell.account}</HeadLink>
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

/** Marked while its view, or one below it, is shown. */
function HeadLink({ to, children }: { to: string; children: string }) {
  return (
    <Anchor component={NavLink} to={to}>
      {children}
    </Anchor>
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
