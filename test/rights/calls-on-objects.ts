import * as S3 from '@aws-sdk/client-s3'

import type { Calls, Target } from './target.ts'

const document = ({ bucket, document: Key }: Target) => ({ Bucket: bucket, Key })
const version = (target: Target) => ({ ...document(target), VersionId: target.versionId })
const upload = (target: Target) => ({ ...document(target), UploadId: target.uploadId })
const tagging = { TagSet: [{ Key: 'a', Value: 'b' }] }
const owner = 'paniq-documents.json'
const tested = 'test/connection_test.txt'
const foreign = 'invoices/1.pdf'

/** Reads first and destructive calls last, so that no call removes the target of a later one. */
export const callsOnObjects: Calls = {
  'get a document': ['s3:GetObject', (s3, target) => s3.send(new S3.GetObjectCommand(document(target)))],
  'ask for a document': ['s3:GetObject', (s3, target) => s3.send(new S3.HeadObjectCommand(document(target)))],
  'get the owner’s file': [
    's3:GetObject',
    (s3, { bucket: Bucket }) => s3.send(new S3.GetObjectCommand({ Bucket, Key: owner })),
  ],
  'get the file of the connection test': [
    's3:GetObject',
    (s3, { bucket: Bucket }) => s3.send(new S3.GetObjectCommand({ Bucket, Key: tested })),
  ],
  'get a version of a document': [
    's3:GetObjectVersion',
    (s3, target) => s3.send(new S3.GetObjectCommand(version(target))),
  ],
  'read a document’s list of access': [
    's3:GetObjectAcl',
    (s3, target) => s3.send(new S3.GetObjectAclCommand(document(target))),
  ],
  'change a document’s list of access': [
    's3:PutObjectAcl',
    (s3, target) => s3.send(new S3.PutObjectAclCommand({ ...document(target), ACL: 'private' })),
  ],
  'change a version’s list of access': [
    's3:PutObjectVersionAcl',
    (s3, target) => s3.send(new S3.PutObjectAclCommand({ ...version(target), ACL: 'private' })),
  ],
  'read a document’s tags': [
    's3:GetObjectTagging',
    (s3, target) => s3.send(new S3.GetObjectTaggingCommand(document(target))),
  ],
  'change a document’s tags': [
    's3:PutObjectTagging',
    (s3, target) => s3.send(new S3.PutObjectTaggingCommand({ ...document(target), Tagging: tagging })),
  ],
  'remove a document’s tags': [
    's3:DeleteObjectTagging',
    (s3, target) => s3.send(new S3.DeleteObjectTaggingCommand(document(target))),
  ],
  'read a version’s tags': [
    's3:GetObjectVersionTagging',
    (s3, target) => s3.send(new S3.GetObjectTaggingCommand(version(target))),
  ],
  'read a document’s retention': [
    's3:GetObjectRetention',
    (s3, target) => s3.send(new S3.GetObjectRetentionCommand(document(target))),
  ],
  // An empty one: a client with the permission gets an error about the value, and no object is protected from removal.
  'change a document’s retention': [
    's3:PutObjectRetention',
    (s3, target) => s3.send(new S3.PutObjectRetentionCommand({ ...document(target), Retention: {} })),
  ],
  'read a document’s legal hold': [
    's3:GetObjectLegalHold',
    (s3, target) => s3.send(new S3.GetObjectLegalHoldCommand(document(target))),
  ],
  'change a document’s legal hold': [
    's3:PutObjectLegalHold',
    (s3, target) => s3.send(new S3.PutObjectLegalHoldCommand({ ...document(target), LegalHold: { Status: 'OFF' } })),
  ],
  'put a document': [
    's3:PutObject',
    (s3, target) => s3.send(new S3.PutObjectCommand({ ...document(target), Body: 'x' })),
  ],
  'put the owner’s file': [
    's3:PutObject',
    (s3, { bucket: Bucket }) => s3.send(new S3.PutObjectCommand({ Bucket, Key: owner, Body: '{}' })),
  ],
  'put the file of the connection test': [
    's3:PutObject',
    (s3, { bucket: Bucket }) => s3.send(new S3.PutObjectCommand({ Bucket, Key: tested, Body: 'x' })),
  ],
  'copy a document to quarantine': [
    's3:PutObject',
    (s3, { bucket, document: Key }) =>
      s3.send(new S3.CopyObjectCommand({ Bucket: bucket, Key: `quarantine/${Key}`, CopySource: `${bucket}/${Key}` })),
  ],
  'copy a document of another bucket': [
    's3:GetObject',
    (s3, { bucket, other, document: Key }) =>
      s3.send(new S3.CopyObjectCommand({ Bucket: bucket, Key: `${Key}-copy`, CopySource: `${other}/${Key}` })),
  ],
  'begin an upload in parts': [
    's3:PutObject',
    (s3, target) => s3.send(new S3.CreateMultipartUploadCommand(document(target))),
  ],
  'send a part': [
    's3:PutObject',
    (s3, target) => s3.send(new S3.UploadPartCommand({ ...upload(target), PartNumber: 1, Body: 'x' })),
  ],
  'list the parts of an upload': [
    's3:ListMultipartUploadParts',
    (s3, target) => s3.send(new S3.ListPartsCommand(upload(target))),
  ],
  'end an upload in parts': [
    's3:AbortMultipartUpload',
    (s3, target) => s3.send(new S3.AbortMultipartUploadCommand(upload(target))),
  ],
  'delete a document': ['s3:DeleteObject', (s3, target) => s3.send(new S3.DeleteObjectCommand(document(target)))],
  'put an object of no document': [
    's3:PutObject',
    (s3, { bucket: Bucket }) => s3.send(new S3.PutObjectCommand({ Bucket, Key: foreign, Body: 'x' })),
  ],
  'get an object of no document': [
    's3:GetObject',
    (s3, { bucket: Bucket }) => s3.send(new S3.GetObjectCommand({ Bucket, Key: foreign })),
  ],
  'delete an object of no document': [
    's3:DeleteObject',
    (s3, { bucket: Bucket }) => s3.send(new S3.DeleteObjectCommand({ Bucket, Key: foreign })),
  ],
  'delete the owner’s file': [
    's3:DeleteObject',
    (s3, { bucket: Bucket }) => s3.send(new S3.DeleteObjectCommand({ Bucket, Key: owner })),
  ],
  'delete the file of the connection test': [
    's3:DeleteObject',
    (s3, { bucket: Bucket }) => s3.send(new S3.DeleteObjectCommand({ Bucket, Key: tested })),
  ],
  'destroy a version of a document': [
    's3:DeleteObjectVersion',
    (s3, target) => s3.send(new S3.DeleteObjectCommand(version(target))),
  ],
  'destroy a version of the owner’s file': [
    's3:DeleteObjectVersion',
    (s3, { bucket: Bucket }) => s3.send(new S3.DeleteObjectCommand({ Bucket, Key: owner, VersionId: 'null' })),
  ],
}
