import { Fragment } from 'react'

import { useTexts } from '../../texts/texts.tsx'

/** Events in words, each with the name that a receiver gets. */
export function EventNames({ events }: { events: readonly string[] }) {
  const { eventNames } = useTexts().operator.webhooks
  return events.map((event, index) => (
    <Fragment key={event}>
      {index === 0 ? null : ', '}
      {eventNames[event] ?? null}{' '}
      <code className="operator-code" data-given>
        {event}
      </code>
    </Fragment>
  ))
}
