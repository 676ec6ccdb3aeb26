import type { ConfigKey } from '../config/schema.js';
import { findSecret } from '../config/secret.js';
import type { ApiInit } from '../http-client.js';
import type { Call } from '../verb.js';

/** The keys of a verb that talks to the master's HTTP API. `dataDir` is where a local cluster's secret is found. */
export const API_KEYS: readonly ConfigKey[] = ['master.api', 'dataDir'];

/** Where to call, and with what secret. */
export function apiOf(call: Call): ApiInit {
  return { api: call.config.master.api, secret: findSecret(call.loaded, call.env) };
}
