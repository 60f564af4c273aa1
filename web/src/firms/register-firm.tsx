import { useMutation } from '@tanstack/react-query'
import { useNavigate } from 'react-router'

import { api, queryClient } from '../api/client.ts'
import type { Schemas } from '../api/openapi.d.ts'
import { dataOf } from '../api/problem.ts'
import { PageFrame } from '../app/page-frame.tsx'
import { Choice } from '../parts/choice.tsx'
import { Field, Form } from '../parts/form.tsx'
import { useTexts } from '../texts/texts.tsx'
import { en } from '../texts/en.ts'

export function RegisterFirm() {
  const { registerFirm: texts, provinces } = useTexts()
  const navigate = useNavigate()
  const registration = useMutation({
    mutationFn: (body: Schemas['FirmRegistrationInput']) =>
      dataOf(api.POST('/api/v1/security-firms/register', { body })),
    async onSuccess({ id }) {
      await queryClient.invalidateQueries({ queryKey: ['firms'] })
      void navigate(`/firms/${id}/checklist`)
    },
  })
  return (
    <PageFrame title={texts.title} width="narrow">
      <Form
        label={texts.submit}
        isPending={registration.isPending}
        error={registration.error}
        submit={(value) => registration.mutate(firmOf(value))}
      >
        <Field name="name" label={texts.name} autoComplete="organization" />
        <Field name="registration_number" label={texts.number} description={texts.numberHint} />
        <Field name="email" type="email" label={texts.email} />
        <Field name="phone" type="tel" label={texts.phone} description={texts.phoneHint} />
        <Field name="address" label={texts.address} autoComplete="street-address" />
        <Choice
          name="province"
          label={texts.province}
          // The service stores the English name.
          choices={en.provinces.map((value, at) => ({ value, label: provinces[at] ?? value }))}
        />
        <Field name="vat_number" label={texts.vat} isOptional />
      </Form>
    </PageFrame>
  )
}

function firmOf(value: (name: string) => string): Schemas['FirmRegistrationInput'] {
  const vat = value('vat_number')
  return {
    name: value('name'),
    registration_number: value('registration_number'),
    email: value('email'),
    phone: value('phone'),
    address: value('address'),
    province: value('province'),
    ...(vat === '' ? {} : { vat_number: vat }),
  }
}
