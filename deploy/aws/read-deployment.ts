import { readFileSync } from 'node:fs'

import type { Deployment, Folder } from './deployment.ts'

/** A value of the context is missing or wrong; the message names it and says what it should be. */
export class WrongContext extends Error {
  override readonly name = 'WrongContext'
}

export type Ask = (name: string) => unknown

const bucketForm = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/
const regionForm = /^[a-z]{2}(-[a-z]+)+-\d$/
const forms = {
  account: [/^\d{12}$/, 'the twelve digits of your account'],
  bucket: [bucketForm, 'a name of small letters, digits and hyphens'],
  region: [regionForm, 'a region, such as af-south-1'],
  pem: [/^-----BEGIN PUBLIC KEY-----/, 'the file of a public key in PEM'],
  domain: [/^([a-z0-9-]+\.)+[a-z]{2,}$/, 'a name such as documents.example.com'],
  certificate: [/^arn:aws:acm:us-east-1:\d{12}:certificate\//, 'the ARN of a certificate of ACM in us-east-1'],
  service: [/^[a-z0-9.-]+\.amazonaws\.com$/, 'a service of AWS, such as ec2.amazonaws.com'],
  email: [/^[^@\s]+@[^@\s]+$/, 'an e-mail address'],
  folder: [/^s3:\/\/[a-z0-9][a-z0-9-]{1,61}[a-z0-9]\/(.*\/)?$/, 'a folder such as s3://bucket/prefix/'],
  number: [/^[1-9]\d{0,4}$/, 'a whole number of 1 and more'],
  key: [/^arn:aws:kms:[a-z0-9-]+:\d{12}:key\/[\w-]+$/, 'ReplicaKey as the stack of the replica prints it'],
  distribution: [/^E[A-Z0-9]{6,20}$/, 'DistributionId as the stack of CloudFront prints it'],
} as const satisfies Record<string, readonly [RegExp, string]>

/** Reads what was given as context. Throws a `WrongContext` for the first value that is missing or wrong. */
export function readDeployment(ask: Ask): Deployment {
  const { required, optional } = readersOf(ask)
  const bucket = required('bucket', 'bucket')
  const region = optional('region', 'region') ?? 'af-south-1'
  const replicaRegion = required('replicaRegion', 'region')
  if (replicaRegion === region) throw new WrongContext(`replicaRegion must be another region than ${region}.`)
  return {
    account: required('account', 'account'),
    region,
    bucket,
    replica: { bucket: optional('replicaBucket', 'bucket') ?? `${bucket}-replica`, region: replicaRegion },
    noncurrentDays: Number(optional('noncurrentDays', 'number') ?? 90),
    origins: listOf(ask('origins')),
    linkKey: readKey(required('linkKey', undefined)),
    domain: domainOf(optional('domain', 'domain'), optional('certificate', 'certificate')),
    runsAs: optional('runsAs', 'service') ?? 'ec2.amazonaws.com',
    alarmEmail: optional('alarmEmail', 'email'),
    heads: apartFrom(bucket, 'heads', folderOf(optional('heads', 'folder'))),
    backups: apartFrom(bucket, 'backups', folderOf(optional('backups', 'folder'))),
    growthGb: Number(optional('growthGb', 'number') ?? 10),
    made: madeOf(optional('replicaKey', 'key'), optional('distribution', 'distribution')),
  }
}

type Form = keyof typeof forms

function readersOf(ask: Ask) {
  const optional = (name: string, form: Form | undefined): string | undefined => {
    const value = ask(name)
    if (value === undefined || value === '') return undefined
    const text = typeof value === 'number' ? String(value) : value
    const [pattern, what] = form === undefined ? [/./, 'a text'] : forms[form]
    if (typeof text !== 'string' || !pattern.test(text)) throw new WrongContext(`${name} must be ${what}.`)
    return text
  }
  const required = (name: string, form: Form | undefined): string => {
    const value = optional(name, form)
    const what = form === undefined ? 'the path of the public key’s file' : forms[form][1]
    if (value === undefined) throw new WrongContext(`Give ${name} as context: ${what} (-c ${name}=…).`)
    return value
  }
  return { optional, required }
}

/** The key itself, or the path of its file. */
function readKey(given: string): string {
  const pem = given.startsWith('-----') ? given : readFile(given)
  const [pattern, what] = forms.pem
  if (!pattern.test(pem)) throw new WrongContext(`linkKey must be ${what}; never the private one.`)
  return pem
}

function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new WrongContext(`linkKey names ${path}, which cannot be read.`, { cause: error })
  }
}

function domainOf(name: string | undefined, certificate: string | undefined): Deployment['domain'] {
  if (name === undefined && certificate === undefined) return undefined
  if (name === undefined || certificate === undefined)
    throw new WrongContext('domain and certificate go together: give both, or neither.')
  return { name, certificate }
}

function madeOf(replicaKey: string | undefined, distribution: string | undefined): Deployment['made'] {
  if (replicaKey === undefined && distribution === undefined) return undefined
  if (replicaKey === undefined || distribution === undefined)
    throw new WrongContext('replicaKey and distribution go together: give what both stacks printed.')
  return { replicaKey, distribution }
}

function folderOf(address: string | undefined): Folder | undefined {
  if (address === undefined) return undefined
  const [bucket = '', ...rest] = address.slice('s3://'.length).split('/')
  return { bucket, prefix: rest.join('/') }
}

/** As the service and `backup create` want it too, which would refuse what a role was made for. */
function apartFrom(documents: string, name: string, folder: Folder | undefined): Folder | undefined {
  if (folder?.bucket !== documents) return folder
  throw new WrongContext(
    `${name} must be in another bucket than the documents: the service’s key could remove everything in ${documents}. Make a bucket for it, of another account if you can, and give ${name}=s3://that-bucket/.`,
  )
}

function listOf(value: unknown): string[] {
  return typeof value === 'string' ? value.split(',').filter((each) => each !== '') : []
}
