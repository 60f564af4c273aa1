import type { AuditResult, Finding } from './audit.ts'

/** Formats the result of an audit. `isGood` is false with a high or critical vulnerability. */
export function describeAudit(whose: string, answer: AuditResult): { lines: string[]; isGood: boolean } {
  switch (answer.kind) {
    case 'no_answer':
      return {
        lines: [`The dependencies of ${whose} were NOT audited: the registry gave no answer (${answer.why}).`],
        isGood: true,
      }
    case 'answered':
      return {
        lines: [
          `The dependencies of ${whose} were audited: ${answer.high.length} vulnerabilities are high or critical, ${answer.others.length} are lower.`,
          ...[...answer.high, ...answer.others].map((each) => lineOf(each)),
        ],
        isGood: answer.high.length === 0,
      }
  }
}

function lineOf({ name, severity, about }: Finding): string {
  return `${severity}: ${name} (${about})`
}
