/** Origins behind one interface. `@tidecache/storage/testing` has the compliance suite, servers and doubles. */
export * from './api.js'; // Origin, and what its methods take and give
export { type CredentialSource, type Credentials, credentialsFromFile } from './credentials.js'; // secret files
export { checkKey, compareKeys, keyProblem, nameProblem } from './names.js'; // which keys are paths
export { openOrigin } from './open.js'; // an Origin from a URI
export { type RetryTools, realTools, withRetries } from './retry.js'; // bounded retries with full jitter
export { type OriginUri, parseOriginUri } from './uri.js'; // s3://, oss://, nas://
