/** One line of Prometheus' text format, for example `paniq_documents_jobs{queue="housekeeping",state="active"} 1`. */
type Sample = { name: string; labels: string; value: number }

export type Figures = {
  text: string
  names(): Set<string>
  /** Undefined without such a line. Labels are written as in the text, `store="s3",outcome="ok"`. */
  valueOf(name: string, labels?: string): number | undefined
}

export async function readMetrics(url: string): Promise<Figures> {
  const response = await fetch(`${url}/metrics`)
  if (response.status !== 200) throw new Error(`no figures: ${response.status}`)
  const text = await response.text()
  const samples = text.split('\n').flatMap(sampleOf)
  return {
    text,
    names: () => new Set([...text.matchAll(/^# TYPE (\S+)/gm)].flatMap(([, name]) => name ?? [])),
    valueOf: (name, labels = '') => samples.find((sample) => sample.name === name && sample.labels === labels)?.value,
  }
}

function sampleOf(line: string): Sample[] {
  const [, name, labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
  return name === undefined ? [] : [{ name, labels, value: Number(value) }]
}
