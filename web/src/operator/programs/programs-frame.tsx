import { Button } from '@mantine/core'
import type { UseQueryResult } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'

import { Empty, Loading } from '../../app/page-frame.tsx'
import { Form } from '../../parts/form.tsx'
import { ProblemBox } from '../../parts/problem-box.tsx'
import { isUnproven, ProofField } from '../../parts/proof-field.tsx'
import { ShownOnce } from '../../parts/shown-once.tsx'
import { useTexts } from '../../texts/texts.tsx'
import { OperatorFrame } from '../operator-frame.tsx'

type Texts = Record<'title' | 'help' | 'madeTitle' | 'madeHelp' | 'add' | 'none' | 'noneHelp', string>

type Props<Item> = {
  texts: Texts
  items: UseQueryResult<Item[]>
  /** `close` gets the secret of a new one. */
  form: (close: (secret?: string) => void) => ReactNode
  row: (item: Item) => ReactNode
}

/** A list of what programs use, each with a secret that is shown once. */
export function ProgramsFrame<Item>({ texts, items, form, row }: Props<Item>) {
  const [isAdding, setAdding] = useState(false)
  const [secret, setSecret] = useState<string>()
  if (items.data === undefined && items.error === null) return <Loading />
  const close = (made?: string) => {
    setAdding(false)
    setSecret(made)
  }
  return (
    <OperatorFrame title={texts.title}>
      <p>{texts.help}</p>
      {secret === undefined ? null : (
        <ShownOnce title={texts.madeTitle} help={texts.madeHelp} secret={secret} close={() => setSecret(undefined)} />
      )}
      {isAdding ? (
        form(close)
      ) : (
        <Button size="md" onClick={() => setAdding(true)}>
          {texts.add}
        </Button>
      )}
      {items.error === null ? null : <ProblemBox error={items.error} retry={() => void items.refetch()} />}
      {items.data?.length === 0 ? <Empty title={texts.none} help={texts.noneHelp} /> : null}
      {items.data === undefined || items.data.length === 0 ? null : (
        <ul className="operator-list">{items.data.map(row)}</ul>
      )}
    </OperatorFrame>
  )
}

type NewProps = {
  texts: Record<'add' | 'make', string>
  making: Parameters<typeof isUnproven>[0] & { isPending: boolean }
  submit: (value: (name: string) => string) => void
  close: () => void
  children: ReactNode
}

/** The form of a new one. It asks for the password if the login is not new: `submit` sends the proof too. */
export function NewProgram({ texts, making, submit, close, children }: NewProps) {
  const { everyView } = useTexts()
  return (
    <section className="box operator-form">
      <h2>{texts.add}</h2>
      <Form
        label={texts.make}
        isPending={making.isPending}
        error={isUnproven(making) ? null : making.error}
        submit={submit}
      >
        {children}
        <ProofField error={making.error} />
      </Form>
      <Button variant="default" onClick={close}>
        {everyView.cancel}
      </Button>
    </section>
  )
}
