import { useQuery } from '@tanstack/react-query'

import { optionsQuery, selfQuery } from '../api/queries.ts'
import { PageFrame } from '../app/page-frame.tsx'
import { Given, useTexts } from '../texts/texts.tsx'
import { ChangePassword } from './change-password.tsx'

export function Account() {
  const { account, changePassword } = useTexts()
  const { data: self } = useQuery(selfQuery)
  const { data: options } = useQuery(optionsQuery)
  return (
    <PageFrame title={account.title} width="narrow">
      {self === undefined ? null : (
        <dl className="facts">
          <dt>{account.name}</dt>
          <dd>
            <Given>{`${self.first_name} ${self.last_name}`}</Given>
          </dd>
          <dt>{account.signedInAs}</dt>
          <dd>
            <Given>{self.email}</Given>
          </dd>
        </dl>
      )}
      {options?.password === true ? (
        <section>
          <h2>{changePassword.title}</h2>
          <ChangePassword />
        </section>
      ) : null}
    </PageFrame>
  )
}
