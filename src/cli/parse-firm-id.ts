import { z } from 'zod'

import { parseAs } from './describe-command.ts'

export const parseFirmId = parseAs(z.guid('must be the id of a firm, a UUID').transform((id) => id.toLowerCase()))
