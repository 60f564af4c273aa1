import { randomUUID } from 'node:crypto'

/** As a browser sends it. */
export const newPasskey = {
  id: 'AAAA',
  rawId: 'AAAA',
  type: 'public-key',
  response: { clientDataJSON: 'AAAA', attestationObject: 'AAAA' },
}

/** A firm that can be registered. */
export function newFirm() {
  const id = randomUUID()
  return {
    name: 'Blue Crane Security',
    registration_number: id,
    email: `${id}@firms.example`,
    phone: '+27 21 555 0101',
    address: '12 Long Street, Cape Town',
    province: 'Western Cape',
  }
}
