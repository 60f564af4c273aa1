/** The object that `s3 test` and `s3 setup` put, read and delete. It is no document. */
export const testKey = 'test/connection_test.txt'
export const testText = 'Paniq Documents wrote this to test the connection. It may be deleted.\n'
