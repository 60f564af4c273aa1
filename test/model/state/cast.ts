import type { FirmRole } from '../../../src/vocabulary/vocabulary.ts'

/** The people of every history: two firms, each with a person with many rights and one with few. */
export const cast = {
  Thandi: { firm: 'Umkhonto', role: 'firm_admin' },
  Sipho: { firm: 'Umkhonto', role: 'field_staff' },
  Naledi: { firm: 'Ubuntu', role: 'firm_admin' },
  Pieter: { firm: 'Ubuntu', role: 'firm_user' },
} as const satisfies Record<string, { firm: string; role: FirmRole }>

export type PersonName = keyof typeof cast
export type FirmName = (typeof cast)[PersonName]['firm']
export const firmNames = ['Umkhonto', 'Ubuntu'] as const satisfies FirmName[]
export const people = Object.keys(cast) as PersonName[] // its keys are these names
