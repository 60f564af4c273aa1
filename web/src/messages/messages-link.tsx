import { Anchor } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { NavLink } from 'react-router'

import { selfQuery } from '../api/queries.ts'
import { useTexts } from '../texts/texts.tsx'
import { maxCounted, unreadQuery } from './message-queries.ts'

/** In the head of every view: the way to the messages, with the number of unread ones. */
export function MessagesLink() {
  const { messages: texts } = useTexts()
  const { data: self } = useQuery(selfQuery)
  // Without an answer about the person, the messages would answer with the same error.
  const { data: unread } = useQuery({ ...unreadQuery, enabled: self !== undefined })
  const count = unread?.count ?? 0
  const isMore = count > maxCounted
  return (
    <>
      <Anchor component={NavLink} to="/messages" className="messages-link">
        <svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" className="messages-icon">
          <path d="M3 6h18v13H3z m0 1 9 7 9-7" fill="none" stroke="currentcolor" strokeWidth="2" />
        </svg>
        <span className="messages-word">{texts.title}</span>
        {count === 0 ? null : (
          <>
            <span className="unread-count" aria-hidden="true">
              {isMore ? `${maxCounted}+` : count}
            </span>
            <span className="for-readers"> {isMore ? texts.moreUnread(maxCounted) : texts.unread(count)}</span>
          </>
        )}
      </Anchor>
      <span role="status" className="for-readers">
        {unread?.hasNew === true ? texts.arrived : null}
      </span>
    </>
  )
}
