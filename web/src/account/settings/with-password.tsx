import { Button } from '@mantine/core'
import { useState } from 'react'

import { Form, PasswordField } from '../../parts/form.tsx'
import { useTexts } from '../../texts/texts.tsx'

type Props = {
  label: string
  /** The name for screen readers, where several buttons have the same label. */
  name?: string
  help: string
  isPending: boolean
  error: Error | null
  run: (password: string) => void
}

/** Asks for the password in place, before something that could shut the person out. */
export function WithPassword({ label, name, help, isPending, error, run }: Props) {
  const { everyView } = useTexts()
  const [isAsking, setAsking] = useState(false)
  if (!isAsking)
    return (
      <Button variant="default" aria-label={name} onClick={() => setAsking(true)}>
        {label}
      </Button>
    )
  return (
    <div className="box setting-form" role="group" aria-label={name ?? label}>
      <p>{help}</p>
      <Form label={label} isPending={isPending} error={error} submit={(value) => run(value('password'))}>
        <PasswordField
          name="password"
          label={everyView.password}
          description={everyView.proof}
          autoComplete="current-password"
        />
      </Form>
      <Button variant="subtle" onClick={() => setAsking(false)}>
        {everyView.cancel}
      </Button>
    </div>
  )
}
