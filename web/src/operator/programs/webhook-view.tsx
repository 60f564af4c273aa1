import { Button } from '@mantine/core'
import { infiniteQueryOptions, useInfiniteQuery, useMutation, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams } from 'react-router'

import { api, queryClient } from '../../api/client.ts'
import type { Schemas } from '../../api/openapi.d.ts'
import { dataOf, pageOf } from '../../api/problem.ts'
import { useNotify } from '../../app/notices.tsx'
import { Loading, NotFound } from '../../app/page-frame.tsx'
import { ProblemBox } from '../../parts/problem-box.tsx'
import { Given, useFormats, useTexts } from '../../texts/texts.tsx'
import { OperatorFrame } from '../operator-frame.tsx'
import { Confirm } from '../../parts/confirm.tsx'
import { EventNames, type Webhook, WebhookBadge, webhooksQuery } from './webhooks.tsx'
import { MoreButton } from '../../parts/more-button.tsx'

type Delivery = Schemas['WebhookDelivery']

const refreshMs = 5000

const deliveriesQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: ['operator', 'deliveries', id],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      pageOf(
        api.GET('/api/v1/webhooks/{id}/deliveries', {
          params: { path: { id }, query: { limit: 50, ...(pageParam === undefined ? {} : { cursor: pageParam }) } },
        }),
      ),
    getNextPageParam: ({ next }) => next,
    refetchInterval: ({ state }) => untilNextAttempt(state.data?.pages.flatMap(({ items }) => items) ?? []),
  })

/** False once nothing is on its way. A test or a retry is sent within seconds. */
function untilNextAttempt(deliveries: Delivery[]): number | false {
  const dues = deliveries.flatMap(({ delivered_at: delivered, next_attempt_at: next }) =>
    delivered === null && next !== null ? [Date.parse(next) - Date.now()] : [],
  )
  return dues.length === 0 ? false : Math.max(refreshMs, Math.min(...dues))
}

/** One webhook with its deliveries. */
export function WebhookView() {
  const { webhookId = '' } = useParams()
  const { everyView, operator } = useTexts()
  const webhooks = useQuery(webhooksQuery)
  const webhook = webhooks.data?.find(({ id }) => id === webhookId)
  if (webhooks.error !== null)
    return (
      <OperatorFrame title={operator.webhooks.title}>
        <ProblemBox error={webhooks.error} retry={() => void webhooks.refetch()} />
      </OperatorFrame>
    )
  if (webhooks.data === undefined) return <Loading />
  if (webhook === undefined) return <NotFound />
  return (
    <OperatorFrame title={webhook.url} isGivenTitle>
      <Link to="/admin/webhooks" className="tap">
        {everyView.backTo(operator.webhooks.title)}
      </Link>
      <div>
        <WebhookBadge webhook={webhook} />
      </div>
      <p className="card-line">
        <EventNames events={webhook.events} />
      </p>
      <Actions webhook={webhook} />
      <Deliveries webhook={webhook} />
    </OperatorFrame>
  )
}

function Actions({ webhook }: { webhook: Webhook }) {
  const { webhooks: texts } = useTexts().operator
  const notify = useNotify()
  const navigate = useNavigate()
  const path = { id: webhook.id }
  const testing = useMutation({
    mutationFn: () => dataOf(api.POST('/api/v1/webhooks/{id}/test', { params: { path } })),
    async onSuccess() {
      await queryClient.invalidateQueries({ queryKey: deliveriesQuery(webhook.id).queryKey })
      notify(texts.testNotice)
    },
  })
  const switching = useMutation({
    mutationFn: () =>
      dataOf(api.PATCH('/api/v1/webhooks/{id}', { params: { path }, body: { enabled: !webhook.enabled } })),
    async onSuccess() {
      await queryClient.invalidateQueries(webhooksQuery)
      notify(webhook.enabled ? texts.disabledNotice : texts.enabledNotice)
    },
  })
  const deleting = useMutation({
    mutationFn: () => dataOf(api.DELETE('/api/v1/webhooks/{id}', { params: { path } })),
    async onSuccess() {
      void navigate('/admin/webhooks')
      await queryClient.invalidateQueries(webhooksQuery)
      notify(texts.deletedNotice)
    },
  })
  return (
    <>
      {testing.error === null ? null : <ProblemBox error={testing.error} />}
      <div className="actions">
        <Button loading={testing.isPending} onClick={() => testing.mutate()}>
          {texts.test}
        </Button>
        <Confirm
          key={String(webhook.enabled)}
          label={webhook.enabled ? texts.disable : texts.enable}
          question={webhook.enabled ? texts.disableQuestion : texts.enableQuestion}
          isPending={switching.isPending}
          error={switching.error}
          run={() => switching.mutate()}
        />
        <Confirm
          label={texts.remove}
          question={texts.removeQuestion}
          isDanger
          isPending={deleting.isPending}
          error={deleting.error}
          run={() => deleting.mutate()}
        />
      </div>
    </>
  )
}

function Deliveries({ webhook }: { webhook: Webhook }) {
  const { webhooks: texts } = useTexts().operator
  const list = useInfiniteQuery(deliveriesQuery(webhook.id))
  const deliveries = list.data?.pages.flatMap(({ items }) => items)
  return (
    <section>
      <h2>{texts.deliveries}</h2>
      {list.error === null ? null : <ProblemBox error={list.error} retry={() => void list.refetch()} />}
      {deliveries?.length === 0 ? <p>{texts.noDeliveries}</p> : null}
      {deliveries === undefined || deliveries.length === 0 ? null : (
        <ul className="operator-list">
          {deliveries.map((delivery) => (
            <DeliveryRow key={delivery.id} webhook={webhook} delivery={delivery} />
          ))}
        </ul>
      )}
      <MoreButton list={list} />
    </section>
  )
}

function DeliveryRow({ webhook, delivery }: { webhook: Webhook; delivery: Delivery }) {
  const { webhooks: texts } = useTexts().operator
  const formats = useFormats()
  const retrying = useMutation({
    mutationFn: () =>
      dataOf(
        api.POST('/api/v1/webhooks/{id}/deliveries/{delivery_id}/retry', {
          params: { path: { id: webhook.id, delivery_id: delivery.id } },
        }),
      ),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: deliveriesQuery(webhook.id).queryKey }),
  })
  const { delivered_at: delivered, next_attempt_at: next, last_status: status, last_error: error } = delivery
  return (
    <li>
      <div className="card-head">
        <h3 className="operator-job">
          <EventNames events={[delivery.event]} />
        </h3>
        <DeliveryBadge delivery={delivery} />
      </div>
      <p className="card-line">
        {texts.attempts(delivery.attempts)}
        {status === null ? null : ` · ${texts.status(status)}`}
        {delivered === null ? null : ` · ${texts.deliveredAt(formats.dateTime(delivered))}`}
        {delivered !== null || next === null ? null : ` · ${texts.nextAt(formats.dateTime(next))}`}
      </p>
      {error === null || delivered !== null ? null : (
        <p className="operator-error">
          <Given>{error}</Given>
        </p>
      )}
      {retrying.error === null ? null : <ProblemBox error={retrying.error} />}
      <div className="actions">
        <Button variant="default" loading={retrying.isPending} onClick={() => retrying.mutate()}>
          {texts.retry}
        </Button>
      </div>
    </li>
  )
}

function DeliveryBadge({ delivery }: { delivery: Delivery }) {
  const { webhooks: texts } = useTexts().operator
  if (delivery.delivered_at !== null) return <span className="badge badge-good">{texts.delivered}</span>
  if (delivery.next_attempt_at === null) return <span className="badge badge-bad">{texts.givenUp}</span>
  return <span className="badge badge-wait">{delivery.attempts === 0 ? texts.waits : texts.triesAgain}</span>
}
