import { Button } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'

import { api } from '../../api/client.ts'
import type { Schemas } from '../../api/openapi.d.ts'
import { dataOf, Failure } from '../../api/problem.ts'
import { useNotify } from '../../app/notices.tsx'
import { Field, Form } from '../../parts/form.tsx'
import { ProblemBox } from '../../parts/problem-box.tsx'
import { isUnproven, ProofField, proofOf } from '../../parts/proof-field.tsx'
import { Given, useFormats, useTexts } from '../../texts/texts.tsx'
import { canUsePasskeys, createPasskey } from '../passkeys.ts'
import { showCodes } from '../unsaved-codes.ts'
import { passkeysQuery, refreshSelf } from './setting-queries.ts'
import { WithPassword } from './with-password.tsx'

/** The person's passkeys. The first one may come with recovery codes. */
export function PasskeyList() {
  const { settings: texts } = useTexts()
  const passkeys = useQuery(passkeysQuery)
  const [isAdding, setAdding] = useState(false)
  return (
    <div className="card">
      <h3 className="card-title">{texts.passkeysTitle}</h3>
      <p className="card-line">{texts.passkeysHelp}</p>
      {passkeys.error === null ? null : <ProblemBox error={passkeys.error} retry={() => void passkeys.refetch()} />}
      {passkeys.data?.length === 0 ? <p>{texts.passkeyNone}</p> : null}
      <ul className="setting-list">
        {passkeys.data?.map((passkey) => (
          <PasskeyRow key={passkey.id} passkey={passkey} />
        ))}
      </ul>
      {canUsePasskeys() ? null : <p>{texts.passkeyUnsupported}</p>}
      {isAdding ? <AddPasskey close={() => setAdding(false)} /> : null}
      {canUsePasskeys() && !isAdding ? (
        <div className="actions">
          <Button variant="default" onClick={() => setAdding(true)}>
            {texts.passkeyAdd}
          </Button>
        </div>
      ) : null}
    </div>
  )
}

type Wanted = { name: string; proof: { password?: string } }

function AddPasskey({ close }: { close: () => void }) {
  const { settings: texts, everyView } = useTexts()
  const notify = useNotify()
  const adding = useMutation({
    async mutationFn({ name, proof }: Wanted) {
      const options = await dataOf(api.POST('/api/v1/auth/passkeys/options', { body: proof }))
      const created = await createPasskey(options)
      return dataOf(api.POST('/api/v1/auth/passkeys', { body: { ...created, name } }))
    },
    async onSuccess({ recovery_codes: codes }) {
      await refreshSelf()
      close()
      if (codes === undefined) notify(texts.passkeyAdded)
      else showCodes(codes)
    },
  })
  const { error } = adding
  const isOfDevice = error !== null && !(error instanceof Failure)
  return (
    <div className="setting-form">
      <Form
        label={texts.passkeyCreate}
        isPending={adding.isPending}
        error={isOfDevice || isUnproven({ error, variables: adding.variables?.proof }) ? null : error}
        submit={(value) => adding.mutate({ name: value('name'), proof: proofOf(value) })}
      >
        <Field name="name" label={texts.passkeyName} description={texts.passkeyNameHint} maxLength={100} />
        <ProofField error={error} />
        {isOfDevice ? (
          <p className="box box-bad" role="alert">
            {texts.passkeyFailed}
          </p>
        ) : null}
      </Form>
      <Button variant="subtle" onClick={close}>
        {everyView.cancel}
      </Button>
    </div>
  )
}

function PasskeyRow({ passkey }: { passkey: Schemas['Passkey'] }) {
  const { settings: texts } = useTexts()
  const formats = useFormats()
  const notify = useNotify()
  const { id, name, last_used_at: used } = passkey
  const removing = useMutation({
    mutationFn: (password: string) =>
      dataOf(api.DELETE('/api/v1/auth/passkeys/{id}', { params: { path: { id } }, body: { password } })),
    async onSuccess() {
      await refreshSelf()
      notify(texts.passkeyRemoved)
    },
  })
  return (
    <li>
      <div className="row-text">
        <p>
          <Given>{name}</Given>
        </p>
        <p className="card-line">
          {texts.created(formats.date(passkey.created_at))} ·{' '}
          {used === null ? texts.neverUsed : texts.lastUsed(formats.dateTime(used))}
        </p>
      </div>
      <WithPassword
        label={texts.passkeyRemove}
        name={texts.passkeyRemoveOf(name)}
        help={texts.passkeyRemoveHelp}
        isPending={removing.isPending}
        error={removing.error}
        run={(password) => removing.mutate(password)}
      />
    </li>
  )
}
