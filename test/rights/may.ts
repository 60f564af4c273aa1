import type { PolicyName } from '../../deploy/policies/statements.ts'

const ofService = [
  'list objects',
  'ask for the bucket',
  'get a paper',
  'ask for a paper',
  'get the owner’s file',
  'get the file of the connection test',
  'put a paper',
  'put the owner’s file',
  'put the file of the connection test',
  'copy a paper to quarantine',
  'begin an upload in parts',
  'send a part',
  'end an upload in parts',
  'delete a paper',
  'delete the file of the connection test',
]

/** Of all the calls of the tables, those that each policy is for. Whatever stands not here is refused. */
export const may: Partial<Record<PolicyName, string[]>> = {
  'service': ofService,
  'service-object-lock': ['change a paper’s legal hold'],
  'service-lifecycle': ['read the lifecycle'],
  'service-unfinished-uploads': ['list unfinished uploads'],
  'service-audit-heads': ['put a head'],
  'audit-verify': ['list the heads'],
  's3-test': [
    'make the bucket',
    'list objects',
    'ask for the bucket',
    'read CORS',
    'get the file of the connection test',
    'put the file of the connection test',
    'delete the file of the connection test',
  ],
  'purge-now': [
    'list objects',
    'ask for the bucket',
    'list versions',
    'get the owner’s file',
    'destroy a version of a paper',
  ],
}
