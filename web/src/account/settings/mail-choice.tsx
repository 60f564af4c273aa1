import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'

import { api, queryClient } from '../../api/client.ts'
import type { Schemas } from '../../api/openapi.d.ts'
import { dataOf } from '../../api/problem.ts'
import { useNotify } from '../../app/notices.tsx'
import { Choice } from '../../parts/choice.tsx'
import { Form } from '../../parts/form.tsx'
import { ProblemBox } from '../../parts/problem-box.tsx'
import { useTexts } from '../../texts/texts.tsx'
import { preferencesQuery } from './setting-queries.ts'

type Mail = Schemas['PreferencesInput']['mail']

const choices = ['at_once', 'digest', 'off'] as const

export function MailChoice() {
  const { settings: texts } = useTexts()
  const preferences = useQuery(preferencesQuery)
  return (
    <section>
      <h2>{texts.mailTitle}</h2>
      <p>{texts.mailHelp}</p>
      {preferences.error === null ? null : (
        <ProblemBox error={preferences.error} retry={() => void preferences.refetch()} />
      )}
      {preferences.data === undefined ? null : <MailForm start={preferences.data.mail} />}
    </section>
  )
}

function MailForm({ start }: { start: Mail }) {
  const { settings: texts, everyView } = useTexts()
  const notify = useNotify()
  const [mail, setMail] = useState<string>(start)
  const saving = useMutation({
    mutationFn: (chosen: Mail) => dataOf(api.PUT('/api/v1/auth/me/preferences', { body: { mail: chosen } })),
    onSuccess(saved) {
      queryClient.setQueryData(preferencesQuery.queryKey, saved)
      notify(texts.mailSaved)
    },
  })
  return (
    <Form
      label={everyView.save}
      isPending={saving.isPending}
      error={saving.error}
      submit={() => saving.mutate(choices.find((each) => each === mail) ?? start)}
    >
      <Choice
        label={texts.mailLabel}
        value={mail}
        onChange={setMail}
        choices={choices.map((value) => ({ value, label: texts.mailChoices[value] }))}
      />
    </Form>
  )
}
