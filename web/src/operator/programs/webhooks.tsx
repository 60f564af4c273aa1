import { queryOptions, useMutation, useQuery } from '@tanstack/react-query'
import { Fragment } from 'react'
import { Link } from 'react-router'

import { api, queryClient } from '../../api/client.ts'
import type { Schemas } from '../../api/openapi.d.ts'
import { dataOf } from '../../api/problem.ts'
import { Field } from '../../parts/form.tsx'
import { proofOf } from '../../parts/proof-field.tsx'
import { Given, useFormats, useTexts } from '../../texts/texts.tsx'
import { Check, Checks, isChecked } from '../form-fields.tsx'
import { NamedCode } from '../named-code.tsx'
import { NewProgram, ProgramsFrame } from './programs-frame.tsx'

export type Webhook = Schemas['Webhook']

const webhookEvents = [
  'document.uploaded',
  'document.verified',
  'document.rejected',
  'document.expiring',
  'document.expired',
  'document.quarantined',
  'application.submitted',
  'application.approved',
  'application.rejected',
] as const

export const webhooksQuery = queryOptions({
  queryKey: ['operator', 'webhooks'],
  queryFn: () => dataOf(api.GET('/api/v1/webhooks')),
})

/** Where events go. The secret of a new webhook is shown once. */
export function WebhooksView() {
  const { webhooks: texts } = useTexts().operator
  const webhooks = useQuery(webhooksQuery)
  return (
    <ProgramsFrame
      texts={texts}
      items={webhooks}
      form={(close) => <NewWebhook close={close} />}
      row={(webhook) => <WebhookRow key={webhook.id} webhook={webhook} />}
    />
  )
}

function NewWebhook({ close }: { close: (secret?: string) => void }) {
  const { webhooks: texts } = useTexts().operator
  const making = useMutation({
    mutationFn: (body: Schemas['NewWebhookInput']) => dataOf(api.POST('/api/v1/webhooks', { body })),
    async onSuccess({ secret }) {
      await queryClient.invalidateQueries(webhooksQuery)
      close(secret)
    },
  })
  return (
    <NewProgram
      texts={texts}
      making={making}
      close={() => close()}
      submit={(value) =>
        making.mutate({
          url: value('url'),
          events: webhookEvents.filter((event) => isChecked(value, event)),
          ...proofOf(value),
        })
      }
    >
      <Field name="url" type="url" label={texts.url} description={texts.urlHint} />
      <Checks legend={texts.events} name="events">
        {webhookEvents.map((event) => (
          <Check key={event} name={event} label={<EventNames events={[event]} />} />
        ))}
      </Checks>
    </NewProgram>
  )
}

function WebhookRow({ webhook }: { webhook: Webhook }) {
  return (
    <li>
      <div className="card-head">
        <Link to={`/admin/webhooks/${webhook.id}`} className="card-title tap">
          <Given>{webhook.url}</Given>
        </Link>
        <WebhookBadge webhook={webhook} />
      </div>
      <p className="card-line">
        <EventNames events={webhook.events} />
      </p>
    </li>
  )
}

export function WebhookBadge({ webhook }: { webhook: Webhook }) {
  const { webhooks: texts } = useTexts().operator
  const formats = useFormats()
  const { enabled, disabled_reason: reason, failing_since: since } = webhook
  if (!enabled)
    return reason === null ? (
      <span className="badge badge-plain">{texts.disabled}</span>
    ) : (
      <span className="badge badge-bad">{texts.disabledBecause[reason]}</span>
    )
  return since === null ? (
    <span className="badge badge-good">{texts.enabled}</span>
  ) : (
    <span className="badge badge-warn operator-wrap">{texts.failing(formats.dateTime(since))}</span>
  )
}

/** Events in words, each with the name that a receiver gets. */
export function EventNames({ events }: { events: readonly string[] }) {
  const { eventNames } = useTexts().operator.webhooks
  return events.map((event, index) => (
    <Fragment key={event}>
      {index === 0 ? null : ', '}
      <NamedCode names={eventNames} code={event} />
    </Fragment>
  ))
}
