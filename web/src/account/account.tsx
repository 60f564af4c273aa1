import { useQuery } from '@tanstack/react-query'

import type { Schemas } from '../api/openapi.d.ts'
import { optionsQuery, selfQuery } from '../api/queries.ts'
import { PageFrame } from '../app/page-frame.tsx'
import { Given, useTexts } from '../texts/texts.tsx'
import { ChangePassword } from './change-password.tsx'
import { MailChoice } from './settings/mail-choice.tsx'
import { SecondFactors } from './settings/second-factors.tsx'
import { Sessions } from './settings/sessions.tsx'
import { refreshSelf } from './settings/setting-queries.ts'
import { SendAgain } from '../parts/problem-box.tsx'
import './settings/settings.css'

export function Account() {
  const { account, changePassword } = useTexts()
  const { data: self } = useQuery(selfQuery)
  const { data: options } = useQuery(optionsQuery)
  return (
    <PageFrame title={account.title} width="narrow">
      {self === undefined ? null : <Facts self={self} />}
      {options?.password === true ? (
        <section>
          <h2>{changePassword.title}</h2>
          <p className="hint">{changePassword.help}</p>
          <ChangePassword onDone={() => void refreshSelf()} />
        </section>
      ) : null}
      {options?.password === true && self !== undefined ? <SecondFactors factors={self.second_factors} /> : null}
      <Sessions />
      <MailChoice />
    </PageFrame>
  )
}

function Facts({ self }: { self: Schemas['Self'] }) {
  const { account, settings } = useTexts()
  return (
    <>
      <dl className="facts">
        <dt>{account.name}</dt>
        <dd>
          <Given>{`${self.first_name} ${self.last_name}`}</Given>
        </dd>
        <dt>{account.signedInAs}</dt>
        <dd>
          <Given>{self.email}</Given>{' '}
          {self.email_verified ? (
            <span className="badge badge-good">{settings.verified}</span>
          ) : (
            <span className="badge badge-warn">{settings.unverified}</span>
          )}
        </dd>
      </dl>
      {self.email_verified ? null : (
        <div className="box box-warn">
          <p>{settings.unverifiedHelp}</p>
          <SendAgain />
        </div>
      )}
    </>
  )
}
