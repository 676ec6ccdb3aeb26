/** For tests, of this package and of others: nothing here runs in production. */

export { writeCredentials } from './credentials.js'; // a secret file
export { failingOrigin, type Plan, type PlannedCall, type PlannedOutcome } from './failing-origin.js'; // a double
export type { Fault } from './server/faults.js'; // what it can do wrong
export {
  type Misbehaviour,
  type OriginServer,
  type OriginServerInit,
  type RequestRecord,
  startOriginServer,
  TEST_CREDENTIALS,
  TEST_REGION,
} from './server/server.js'; // a strict S3 and OSS server that misbehaves on command
export type { Fill } from './server/store.js'; // bytes made when asked for
export { originSuite, type SuiteInit, type SuiteTarget } from './suite/suite.js'; // what every origin must do
