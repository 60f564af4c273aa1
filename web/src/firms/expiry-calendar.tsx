import { Button } from '@mantine/core'
import { queryOptions, useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'

import { api, queryClient } from '../api/client.ts'
import type { Schemas } from '../api/openapi.d.ts'
import { dataOf } from '../api/problem.ts'
import { type Firm, selfQuery } from '../api/queries.ts'
import { useNotify } from '../app/notices.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { ProblemBox } from '../parts/problem-box.tsx'
import { ShownOnce } from '../parts/shown-once.tsx'
import { useFormats, useTexts } from '../texts/texts.tsx'

const path = '/api/v1/security-firms/{firm_id}/calendar'
const paramsOf = (firmId: string) => ({ params: { path: { firm_id: firmId } } })

const calendarQuery = (firmId: string) =>
  queryOptions({
    queryKey: ['firm', firmId, 'calendar'],
    queryFn: () => dataOf(api.GET(path, paramsOf(firmId))),
  })

/** The link with which a calendar program shows the expiry dates. For administrators of a firm that is not locked. */
export function ExpiryCalendar({ firm }: { firm: Firm }) {
  const { calendar: texts } = useTexts()
  const isOffered = firm.role === 'firm_admin' && !firm.is_locked
  const state = useQuery({ ...calendarQuery(firm.id), enabled: isOffered })
  if (!isOffered) return null
  return (
    <section>
      <h2>{texts.title}</h2>
      <p>{texts.help}</p>
      {state.error === null ? null : <ProblemBox error={state.error} retry={() => void state.refetch()} />}
      {state.data === undefined ? null : <CalendarLink firmId={firm.id} state={state.data} />}
    </section>
  )
}

function CalendarLink({ firmId, state }: { firmId: string; state: Schemas['CalendarState'] }) {
  const { calendar: texts } = useTexts()
  const [url, setUrl] = useState<string>()
  const refreshState = () => queryClient.invalidateQueries(calendarQuery(firmId))
  const making = useMutation({
    mutationFn: () => dataOf(api.POST(path, paramsOf(firmId))),
    onSuccess: ({ url: made }) => {
      setUrl(made)
      return refreshState()
    },
  })
  const close = () => setUrl(undefined)
  if (url !== undefined)
    return (
      <ShownOnce
        title={texts.madeTitle}
        help={<MadeHelp />}
        secret={url}
        copy={texts.copy}
        done={texts.done}
        close={close}
      />
    )
  if (state.created_at !== null)
    return <ExistingLink firmId={firmId} createdAt={state.created_at} createdBy={state.created_by} making={making} />
  return (
    <>
      {making.error === null ? null : <ProblemBox error={making.error} />}
      <span className="actions">
        <Button variant="default" size="md" loading={making.isPending} onClick={() => making.mutate()}>
          {texts.make}
        </Button>
      </span>
      <p className="hint">{texts.whoMayHaveIt}</p>
    </>
  )
}

function MadeHelp() {
  const { calendar: texts } = useTexts()
  return (
    <>
      <p>{texts.madeHelp}</p>
      <p>{texts.whoMayHaveIt}</p>
    </>
  )
}

type Existing = {
  firmId: string
  createdAt: string
  createdBy: string | null
  making: { isPending: boolean; error: Error | null; mutate: () => void }
}

function ExistingLink({ firmId, createdAt, createdBy, making }: Existing) {
  const { calendar: texts } = useTexts()
  const formats = useFormats()
  const notify = useNotify()
  const { data: self } = useQuery(selfQuery)
  const ending = useMutation({
    mutationFn: () => dataOf(api.DELETE(path, paramsOf(firmId))),
    async onSuccess() {
      await queryClient.invalidateQueries(calendarQuery(firmId))
      notify(texts.ended)
    },
  })
  const day = formats.date(createdAt)
  return (
    <>
      <p>{createdBy === self?.id ? texts.madeByYou(day) : texts.madeByOther(day)}</p>
      <p className="hint">{texts.whoMayHaveIt}</p>
      <span className="actions">
        <Confirm
          label={texts.again}
          question={texts.againQuestion}
          isPending={making.isPending}
          error={making.error}
          run={() => making.mutate()}
        />
        <Confirm
          label={texts.end}
          question={texts.endQuestion}
          isDanger
          isPending={ending.isPending}
          error={ending.error}
          run={() => ending.mutate()}
        />
      </span>
    </>
  )
}
