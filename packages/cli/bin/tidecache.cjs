#!/usr/bin/env node
// CommonJS, since libuv reads this variable when its thread pool is first used, and loading an ES module uses it.
// The pool carries the file reads of NAS origins, each of which holds a thread while its server hangs; its default is 4.
process.env.UV_THREADPOOL_SIZE ??= '16';
import('../dist/src/main.js');
