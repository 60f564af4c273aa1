import { Button } from '@mantine/core'
import { infiniteQueryOptions, useInfiniteQuery, useMutation, useQuery } from '@tanstack/react-query'

import { api, queryClient } from '../../api/client.ts'
import type { Schemas } from '../../api/openapi.d.ts'
import { dataOf, pageOf } from '../../api/problem.ts'
import { useNotify } from '../../app/notices.tsx'
import { MoreButton } from '../../parts/more-button.tsx'
import { ProblemBox } from '../../parts/problem-box.tsx'
import { Given, useFormats, useTexts } from '../../texts/texts.tsx'
import { OperatorFrame } from '../operator-frame.tsx'
import { NamedCode } from '../named-code.tsx'
import { statusQuery } from '../../api/queries.ts'

type Mail = Schemas['UndeliveredMail']

const mailsQuery = infiniteQueryOptions({
  queryKey: ['operator', 'mails'],
  initialPageParam: undefined as string | undefined,
  queryFn: ({ pageParam }) =>
    pageOf(
      api.GET('/api/v1/admin/mails', {
        params: { query: { limit: 50, ...(pageParam === undefined ? {} : { cursor: pageParam }) } },
      }),
    ),
  getNextPageParam: ({ next }) => next,
})

/** Mails that wait or were given up, each with what the mail server said. Every look leaves an event: it is not repeated. */
export function MailsView() {
  const { mails: texts } = useTexts().operator
  const list = useInfiniteQuery({ ...mailsQuery, refetchOnWindowFocus: false })
  const isOff = useQuery(statusQuery).data?.mail.is_on === false
  const mails = list.data?.pages.flatMap(({ items }) => items)
  return (
    <OperatorFrame title={texts.title}>
      <p>{texts.help}</p>
      {isOff ? <p className="box box-warn">{texts.isOff}</p> : null}
      {list.error === null ? null : <ProblemBox error={list.error} retry={() => void list.refetch()} />}
      {mails?.length === 0 ? <p className="box">{texts.none}</p> : null}
      {mails === undefined || mails.length === 0 ? null : (
        <ul className="operator-list">
          {mails.map((mail) => (
            <MailRow key={mail.id} mail={mail} />
          ))}
        </ul>
      )}
      <MoreButton list={list} />
      <Button
        variant="default"
        className="operator-start"
        loading={list.isRefetching}
        onClick={() => void list.refetch()}
      >
        {texts.again}
      </Button>
    </OperatorFrame>
  )
}

function MailRow({ mail }: { mail: Mail }) {
  const { mails: texts } = useTexts().operator
  const formats = useFormats()
  const notify = useNotify()
  const sending = useMutation({
    mutationFn: () => dataOf(api.POST('/api/v1/admin/mails/{id}/retry', { params: { path: { id: mail.id } } })),
    async onSuccess() {
      notify(texts.sentNotice)
      await queryClient.invalidateQueries({ queryKey: mailsQuery.queryKey })
    },
  })
  const { last_error: error, last_attempt_at: tried, next_attempt_at: next } = mail
  return (
    <li>
      <div className="card-head">
        <h2 className="operator-job">
          <Given>{mail.recipient}</Given>
        </h2>
        <span className={`badge badge-${mail.state === 'given_up' ? 'bad' : 'wait'}`}>{texts.states[mail.state]}</span>
      </div>
      <p>
        <NamedCode names={texts.kinds} code={mail.kind} />
      </p>
      {error === null ? null : (
        <p className="operator-error">
          <Given>{error}</Given>
        </p>
      )}
      <p className="card-line">
        {texts.queued(formats.dateTime(mail.queued_at))} · {texts.attempts(mail.attempts)}
        {tried === null ? null : ` · ${texts.tried(formats.dateTime(tried))}`}
        {next === null ? null : ` · ${texts.next(formats.dateTime(next))}`}
      </p>
      {sending.error === null ? null : <ProblemBox error={sending.error} />}
      <div className="actions">
        <Button
          variant="default"
          loading={sending.isPending}
          aria-label={texts.sendTo(mail.recipient)}
          onClick={() => sending.mutate()}
        >
          {texts.send}
        </Button>
      </div>
    </li>
  )
}
