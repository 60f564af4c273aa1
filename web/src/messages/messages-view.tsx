import { Anchor, Button } from '@mantine/core'
import { useInfiniteQuery, useMutation, useQuery } from '@tanstack/react-query'
import { useId, useState } from 'react'
import { Link } from 'react-router'

import { useNotify } from '../app/notices.tsx'
import { Empty, PageFrame } from '../app/page-frame.tsx'
import { ProblemBox } from '../parts/problem-box.tsx'
import { Given, useFormats, useTexts } from '../texts/texts.tsx'
import { markAllAsRead, markAsRead, type Message, messagesQuery, unreadQuery } from './message-queries.ts'
import { MoreButton } from '../parts/more-button.tsx'
import './messages.css'

/** What the service wrote to the signed-in person, newest first. */
export function MessagesView() {
  const { messages: texts, everyView } = useTexts()
  const list = useInfiniteQuery(messagesQuery)
  const messages = list.data?.pages.flatMap(({ items }) => items)
  return (
    <PageFrame title={texts.title}>
      <p>
        {texts.help} <Link to="/account">{texts.chooseMails}</Link>
      </p>
      {list.error === null ? null : <ProblemBox error={list.error} retry={() => void list.refetch()} />}
      {list.isPending ? <p aria-busy="true">{everyView.loading}</p> : null}
      {messages?.length === 0 ? <Empty title={texts.empty} help={texts.emptyHelp} /> : null}
      <MarkAll />
      <ul className="cards">
        {messages?.map((message) => (
          <MessageCard key={message.id} message={message} />
        ))}
      </ul>
      <MoreButton list={list} />
    </PageFrame>
  )
}

/** From two unread messages on: one has its own button. */
function MarkAll() {
  const { messages: texts } = useTexts()
  const notify = useNotify()
  const { data: unread } = useQuery(unreadQuery)
  const marking = useMutation({ mutationFn: markAllAsRead, onSuccess: () => notify(texts.allRead) })
  if ((unread?.count ?? 0) < 2 && !marking.isPending && marking.error === null) return null
  return (
    <>
      {marking.error === null ? null : <ProblemBox error={marking.error} />}
      <span className="actions">
        <Button variant="default" loading={marking.isPending} onClick={() => marking.mutate()}>
          {texts.markAll}
        </Button>
      </span>
    </>
  )
}

function MessageCard({ message }: { message: Message }) {
  const { messages: texts } = useTexts()
  const formats = useFormats()
  const id = useId()
  const [isOpen, setOpen] = useState(false)
  const reading = useMutation({ mutationFn: () => markAsRead(message.id) })
  const isUnread = message.read_at === null
  const toggle = () => {
    setOpen(!isOpen)
    if (!isOpen && isUnread) reading.mutate()
  }
  return (
    <li className={isUnread ? 'card message-unread' : 'card'}>
      <h2 className="message-title">
        <button type="button" aria-expanded={isOpen} aria-controls={id} onClick={toggle}>
          <Given>{message.subject}</Given>
        </button>
      </h2>
      <p className="card-line">
        {isUnread ? <span className="badge badge-wait">{texts.isUnread}</span> : null}{' '}
        {formats.dateTime(message.created_at)}
      </p>
      <div id={id} className="message-text" hidden={!isOpen}>
        {message.text.split('\n\n').map((paragraph) => (
          <p key={paragraph}>
            <Given>{paragraph}</Given>
          </p>
        ))}
        <Target message={message} />
      </div>
      {isUnread && !isOpen ? (
        <span className="actions">
          <Button
            variant="default"
            aria-label={texts.markOne(message.subject)}
            loading={reading.isPending}
            onClick={() => reading.mutate()}
          >
            {texts.mark}
          </Button>
        </span>
      ) : null}
      {reading.error === null ? null : <ProblemBox error={reading.error} />}
    </li>
  )
}

/** The view that a message is about. */
function Target({ message }: { message: Message }) {
  const { messages: texts } = useTexts()
  const target = targetOf(message)
  if (target === undefined) return null
  return (
    <Anchor component={Link} to={target.to} className="tap">
      {texts.targets[target.name]}
    </Anchor>
  )
}

type Target = { to: string; name: keyof ReturnType<typeof useTexts>['messages']['targets'] }

function targetOf(message: Message): Target | undefined {
  const { kind, firm_id: firmId, document_id: documentId } = message
  switch (kind) {
    case 'invitation':
      return { to: '/firms', name: 'invitation' }
    case 'security_notice':
    case 'email_verification':
    case 'password_reset':
      return { to: '/account', name: 'account' }
    case 'webhook_disabled':
      return { to: '/admin/webhooks', name: 'webhooks' }
    case 'application_submitted':
      return firmId === null
        ? { to: '/review/applications', name: 'applications' }
        : { to: `/review/applications/${firmId}`, name: 'application' }
    default:
      if (firmId === null) return undefined
      if (documentId !== null) return { to: `/firms/${firmId}/documents/${documentId}`, name: 'document' }
      // The next step of an application is there too.
      return { to: `/firms/${firmId}/checklist`, name: 'checklist' }
  }
}
