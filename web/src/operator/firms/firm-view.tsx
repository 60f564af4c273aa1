import { useMutation, useQuery } from '@tanstack/react-query'
import { Link, useParams } from 'react-router'

import { api, queryClient } from '../../api/client.ts'
import type { Schemas } from '../../api/openapi.d.ts'
import { dataOf } from '../../api/problem.ts'
import { type Firm, firmQuery } from '../../api/queries.ts'
import { useNotify } from '../../app/notices.tsx'
import { Loading } from '../../app/page-frame.tsx'
import { Field, Form } from '../../parts/form.tsx'
import { ProblemBox } from '../../parts/problem-box.tsx'
import { Given, useFormats, useTexts } from '../../texts/texts.tsx'
import { FirmMembers } from './firm-members.tsx'
import { allFirmsQuery, FirmBadges } from './firms.tsx'
import { OperatorFrame } from '../operator-frame.tsx'
import { Confirm } from '../../parts/confirm.tsx'

const gibibyte = 1024 ** 3

/** One firm: who it is, how much it stores, and what only administrators of the platform may change. */
export function FirmView() {
  const { firmId = '' } = useParams()
  const { everyView, operator } = useTexts()
  const firm = useQuery(firmQuery(firmId))
  if (firm.data === undefined && firm.error === null) return <Loading />
  return (
    <OperatorFrame title={firm.data?.name ?? operator.firms.title} isGivenTitle={firm.data !== undefined}>
      <Link to="/admin/firms" className="tap">
        {everyView.backTo(operator.firms.title)}
      </Link>
      {firm.error === null ? null : <ProblemBox error={firm.error} retry={() => void firm.refetch()} />}
      {firm.data === undefined ? null : (
        <>
          <FirmFacts firm={firm.data} />
          <FirmMembers firm={firm.data} />
          <Lock firm={firm.data} />
          <Hold firm={firm.data} />
          <Quota firm={firm.data} />
        </>
      )}
    </OperatorFrame>
  )
}

function FirmFacts({ firm }: { firm: Firm }) {
  const { firms: everyView, firmStates, operator } = useTexts()
  const { firms: texts } = operator
  const formats = useFormats()
  const { usage, quota } = firm
  return (
    <>
      <FirmBadges firm={firm} />
      <dl className="facts">
        <dt>{texts.state}</dt>
        <dd>{firmStates[firm.verification_status] ?? <Given>{firm.verification_status}</Given>}</dd>
        <dt>{texts.contact}</dt>
        <dd>
          <Given>{`${firm.email}, ${firm.phone}`}</Given>
        </dd>
        <dt>{texts.address}</dt>
        <dd>
          <Given>{`${firm.address}, ${firm.province}`}</Given>
        </dd>
        <dt>{texts.stores}</dt>
        <dd>
          {quota.bytes === null
            ? formats.bytes(usage.bytes)
            : texts.of(formats.bytes(usage.bytes), formats.bytes(quota.bytes))}
        </dd>
        <dt>{texts.documents}</dt>
        <dd>
          {quota.documents === null
            ? formats.number(usage.documents)
            : texts.of(formats.number(usage.documents), formats.number(quota.documents))}
        </dd>
      </dl>
      <p className="card-line">{everyView.registration(firm.registration_number)}</p>
      <Link to={`/firms/${firm.id}/documents`} className="tap">
        {texts.toDocuments}
      </Link>
      <Link to={`/review/applications/${firm.id}`} className="tap">
        {texts.toApplication}
      </Link>
    </>
  )
}

function useFirmChange(firm: Firm, notice: string) {
  const notify = useNotify()
  return useMutation({
    mutationFn: (body: Schemas['FirmChangeInput']) =>
      dataOf(api.PATCH('/api/v1/security-firms/{firm_id}', { params: { path: { firm_id: firm.id } }, body })),
    async onSuccess(changed) {
      queryClient.setQueryData(firmQuery(firm.id).queryKey, changed)
      await queryClient.invalidateQueries({ queryKey: allFirmsQuery.queryKey })
      notify(notice)
    },
  })
}

function Lock({ firm }: { firm: Firm }) {
  const { firms: texts } = useTexts().operator
  const isLocked = firm.is_locked
  const change = useFirmChange(firm, isLocked ? texts.unlockedNotice : texts.lockedNotice)
  return (
    <section>
      <h2>{texts.lockTitle}</h2>
      <p>{isLocked ? texts.isLocked : texts.isOpen}</p>
      <div>
        <Confirm
          key={String(isLocked)}
          label={isLocked ? texts.unlock : texts.lock}
          question={isLocked ? texts.unlockQuestion : texts.lockQuestion}
          isDanger={!isLocked}
          isPending={change.isPending}
          error={change.error}
          run={() => change.mutate({ is_locked: !isLocked })}
        />
      </div>
    </section>
  )
}

function Hold({ firm }: { firm: Firm }) {
  const { firms: texts } = useTexts().operator
  const change = useFirmChange(firm, firm.hold ? texts.liftedNotice : texts.holdNotice)
  return (
    <section>
      <h2>{texts.holdTitle}</h2>
      <p>{firm.hold ? texts.isHeld : texts.isNotHeld}</p>
      {firm.hold_reason === null ? null : (
        <p className="proof">
          <Given>{firm.hold_reason}</Given>
        </p>
      )}
      {firm.hold ? (
        <div>
          <Confirm
            label={texts.lift}
            question={texts.liftQuestion}
            isDanger
            isPending={change.isPending}
            error={change.error}
            run={() => change.mutate({ hold: false })}
          />
        </div>
      ) : (
        <div className="operator-form">
          <Form
            label={texts.setHold}
            isPending={change.isPending}
            error={change.error}
            submit={(value) => change.mutate({ hold: true, hold_reason: value('hold_reason') })}
          >
            <Field name="hold_reason" label={texts.holdReason} description={texts.holdReasonHint} maxLength={2000} />
          </Form>
        </div>
      )}
    </section>
  )
}

function Quota({ firm }: { firm: Firm }) {
  const { firms: texts } = useTexts().operator
  const change = useFirmChange(firm, texts.quotaNotice)
  const { bytes, documents } = firm.quota
  const shown = {
    bytes: bytes === null ? '' : String(bytes / gibibyte),
    documents: documents === null ? '' : String(documents),
  }
  return (
    <section>
      <h2>{texts.quotaTitle}</h2>
      <p>{texts.quotaHelp}</p>
      <div className="operator-form">
        <Form
          key={firm.updated_at}
          label={texts.saveQuota}
          isPending={change.isPending}
          error={change.error}
          submit={(value) => change.mutate({ quota: quotaOf(value, shown) })}
        >
          <Field
            name="quota.bytes"
            label={texts.quotaBytes}
            inputMode="decimal"
            defaultValue={shown.bytes}
            isOptional
          />
          <Field
            name="quota.documents"
            label={texts.quotaDocuments}
            inputMode="numeric"
            defaultValue={shown.documents}
            isOptional
          />
        </Form>
      </div>
    </section>
  )
}

type Shown = { bytes: string; documents: string }

/** Only what was changed: the default of the service, which is shown too, does not become the firm's own. */
function quotaOf(value: (name: string) => string, shown: Shown): NonNullable<Schemas['FirmChangeInput']['quota']> {
  const [bytes, documents] = [value('quota.bytes'), value('quota.documents')]
  return {
    ...(bytes === shown.bytes ? {} : { bytes: numberOf(bytes, gibibyte) }),
    ...(documents === shown.documents ? {} : { documents: numberOf(documents, 1) }),
  }
}

/** Empty: the default quota. Text that is no number becomes 0, which the service rejects by name. */
function numberOf(text: string, unit: number): number | null {
  if (text.trim() === '') return null
  return Math.round((Number(text.trim().replace(',', '.')) || 0) * unit)
}
