import type { AuditResult, Finding } from './audit.ts'

/** What people read of an audit of whose dependencies, and whether it may go on: not with a weakness that is high or critical. */
export function describeAudit(whose: string, answer: AuditResult): { lines: string[]; isGood: boolean } {
  switch (answer.kind) {
    case 'no_answer':
      return {
        lines: [`The dependencies of ${whose} were NOT audited: the registry gave no answer (${answer.why}).`],
        isGood: true,
      }
    case 'told':
      return {
        lines: [
          `The dependencies of ${whose} were audited: ${answer.high.length} weaknesses are high or critical, ${answer.others.length} are less.`,
          ...[...answer.high, ...answer.others].map((each) => lineOf(each)),
        ],
        isGood: answer.high.length === 0,
      }
  }
}

function lineOf({ name, severity, about }: Finding): string {
  return `${severity}: ${name} (${about})`
}
