import { formatFacts, mimeTypes } from '../../../../src/contract/formats.ts'
import type { DocumentType } from '../../api/queries.ts'
import { Field } from '../../parts/form.tsx'
import { Given, useTexts } from '../../texts/texts.tsx'
import { Check, Checks, isChecked, TextField } from '../form-fields.tsx'

type Values = (name: string) => string

const mebibyte = 1024 * 1024

const defaultFormats: readonly string[] = formatFacts.flatMap(({ mimeType, isDefault }) =>
  isDefault ? [mimeType] : [],
)

type Editable = Omit<DocumentType, 'id' | 'code' | 'created_at' | 'updated_at'>

const newType: Editable = {
  name: '',
  description: null,
  is_required: false,
  is_active: true,
  max_bytes: null,
  allowed_types: null,
  confidential: false,
  retention_days: null,
  proof: null,
  validity_months: null,
  validity_stated: false,
  // A new type gets those of the service.
  reject_reasons: [],
}

/** What the API allows to change of a type. */
export function TypeFields({ type = newType }: { type?: Editable }) {
  const { types: texts } = useTexts().operator
  const allowed = type.allowed_types ?? defaultFormats
  return (
    <>
      <Field name="name" label={texts.name} defaultValue={type.name} maxLength={255} />
      <TextField name="proof" label={texts.proof} description={texts.proofHint} defaultValue={type.proof ?? ''} />
      <TextField name="description" label={texts.description} defaultValue={type.description ?? ''} />
      <Checks legend={texts.rules} name="is_required">
        <Check name="is_required" label={texts.requiredLabel} defaultChecked={type.is_required} />
        <Check name="is_active" label={texts.activeLabel} defaultChecked={type.is_active} />
        <Check name="confidential" label={texts.confidentialLabel} defaultChecked={type.confidential} />
        <Check name="validity_stated" label={texts.statedLabel} defaultChecked={type.validity_stated} />
      </Checks>
      <Checks legend={texts.formats} name="allowed_types">
        {formatFacts.map(({ mimeType, name }) => (
          <Check
            key={mimeType}
            name={mimeType}
            label={<Given>{name}</Given>}
            defaultChecked={allowed.includes(mimeType)}
          />
        ))}
      </Checks>
      <NumberField name="validity_months" label={texts.validity} value={type.validity_months} />
      <NumberField name="retention_days" label={texts.retention} value={type.retention_days} />
      <NumberField
        name="max_bytes"
        label={texts.maxSize}
        value={type.max_bytes === null ? null : type.max_bytes / mebibyte}
      />
      {type.reject_reasons.length === 0 ? null : <Reasons reasons={type.reject_reasons} />}
    </>
  )
}

function NumberField({ name, label, value }: { name: string; label: string; value: number | null }) {
  return (
    <Field
      name={name}
      label={label}
      inputMode="decimal"
      defaultValue={value === null ? '' : String(value)}
      isOptional
    />
  )
}

function Reasons({ reasons }: { reasons: DocumentType['reject_reasons'] }) {
  const { types: texts } = useTexts().operator
  return (
    <Checks legend={texts.reasons} name="reject_reasons">
      {reasons.map(({ code, text, is_final: isFinal }) => (
        <div key={code} className="operator-reason">
          <TextField name={`reason ${code}`} label={texts.reason(code)} defaultValue={text} rows={2} />
          <Check name={`final ${code}`} label={texts.final} defaultChecked={isFinal} />
        </div>
      ))}
    </Checks>
  )
}

/** The body of a request. The service checks it and names the wrong fields. */
export function typeOf(value: Values, type: DocumentType | undefined) {
  const max = numberOf(value('max_bytes'))
  const chosen = mimeTypes.filter((mimeType) => isChecked(value, mimeType))
  const isDefault = chosen.length === defaultFormats.length && chosen.every((each) => defaultFormats.includes(each))
  const reasons = type?.reject_reasons.map(({ code }) => ({
    code,
    text: value(`reason ${code}`),
    is_final: isChecked(value, `final ${code}`),
  }))
  return {
    name: value('name'),
    proof: textOf(value('proof')),
    description: textOf(value('description')),
    is_required: isChecked(value, 'is_required'),
    is_active: isChecked(value, 'is_active'),
    confidential: isChecked(value, 'confidential'),
    allowed_types: isDefault ? null : chosen,
    validity_months: numberOf(value('validity_months')),
    validity_stated: isChecked(value, 'validity_stated'),
    retention_days: numberOf(value('retention_days')),
    max_bytes: max === null ? null : Math.round(max * mebibyte),
    ...(reasons === undefined ? {} : { reject_reasons: reasons }),
  }
}

function textOf(text: string): string | null {
  return text.trim() === '' ? null : text
}

/** A comma is a decimal separator in South Africa. Text that is no number becomes 0, which the service rejects by name. */
function numberOf(text: string): number | null {
  return text.trim() === '' ? null : Number(text.trim().replace(',', '.')) || 0
}
