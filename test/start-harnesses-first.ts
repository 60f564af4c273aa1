import { relative } from 'node:path'

import { BaseSequencer, type TestSpecification } from 'vitest/node'

import { harnesses } from './suites.ts'

/** Starts the longest files of `services` before the others. Otherwise one of them would run alone at the end. */
export default class StartHarnessesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const isFirst = ({ project, moduleId }: TestSpecification) =>
      project.name === 'services' && harnesses.includes(relative(this.ctx.config.root, moduleId))
    // A worker serves one project at a time, so the files of a project stay together.
    const others = sorted.filter((file) => !isFirst(file))
    const start = others.findIndex(({ project }) => project.name === 'services')
    return others.toSpliced(start === -1 ? others.length : start, 0, ...sorted.filter(isFirst))
  }
}
