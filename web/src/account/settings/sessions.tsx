import { Button } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'

import { api, queryClient } from '../../api/client.ts'
import type { Schemas } from '../../api/openapi.d.ts'
import { dataOf, Failure } from '../../api/problem.ts'
import { useNotify } from '../../app/notices.tsx'
import { Confirm } from '../../parts/confirm.tsx'
import { ProblemBox } from '../../parts/problem-box.tsx'
import { Given, useFormats, useTexts } from '../../texts/texts.tsx'
import { deviceOf } from './device-name.ts'
import { sessionsQuery } from './setting-queries.ts'

type Session = Schemas['Session']

/** The person's sessions: one of them is this one. */
export function Sessions() {
  const { settings: texts } = useTexts()
  const sessions = useQuery(sessionsQuery)
  const others = sessions.data?.filter(({ current }) => !current) ?? []
  return (
    <section>
      <h2>{texts.sessionsTitle}</h2>
      <p>{texts.sessionsHelp}</p>
      {sessions.error === null ? null : <ProblemBox error={sessions.error} retry={() => void sessions.refetch()} />}
      <ul className="rows" aria-busy={sessions.isPending}>
        {sessions.data?.map((session) => (
          <SessionRow key={session.id} session={session} />
        ))}
      </ul>
      {others.length < 2 ? null : <EndOthers others={others} />}
    </section>
  )
}

/** A session that has ended meanwhile is as the person wants it. */
async function end(id: string): Promise<void> {
  await dataOf(api.DELETE('/api/v1/auth/sessions/{id}', { params: { path: { id } } })).catch((error: unknown) => {
    if (!(error instanceof Failure && error.code === 'not_found')) throw error
  })
}

function useEnding(notice: string) {
  const notify = useNotify()
  return useMutation({
    async mutationFn(sessions: Session[]) {
      for (const { id } of sessions) await end(id)
    },
    onSuccess: () => notify(notice),
    // Also after a failure: some of them may have ended.
    onSettled: () => queryClient.invalidateQueries(sessionsQuery),
  })
}

function SessionRow({ session }: { session: Session }) {
  const { settings: texts } = useTexts()
  const formats = useFormats()
  const ending = useEnding(texts.ended)
  const known = deviceOf(session.user_agent)
  const device = known === undefined ? texts.unknownDevice : texts.device(known.browser, known.system)
  return (
    <li className="row">
      <div className="row-text">
        <p className="card-title">{device}</p>
        {known === undefined && session.user_agent !== '' ? (
          <p className="card-line">
            <Given>{session.user_agent}</Given>
          </p>
        ) : null}
        <p className="card-line">{texts.sessionLine(session.ip, formats.dateTime(session.last_used_at))}</p>
        {ending.error === null ? null : <ProblemBox error={ending.error} />}
      </div>
      {session.current ? (
        <span className="badge badge-good">{texts.thisSession}</span>
      ) : (
        <Button
          variant="default"
          aria-label={texts.endOf(device)}
          loading={ending.isPending}
          onClick={() => ending.mutate([session])}
        >
          {texts.end}
        </Button>
      )}
    </li>
  )
}

function EndOthers({ others }: { others: Session[] }) {
  const { settings: texts } = useTexts()
  const ending = useEnding(texts.othersEnded)
  return (
    <div className="actions">
      <Confirm
        label={texts.endOthers}
        question={texts.endOthersQuestion}
        isDanger
        isPending={ending.isPending}
        error={ending.error}
        run={() => ending.mutate(others)}
      />
    </div>
  )
}
