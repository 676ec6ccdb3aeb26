#!/usr/bin/env node
// CommonJS, since libuv reads this variable when its thread pool is first used, and loading an ES module uses it.
// The pool carries the file reads of NAS origins, each of which holds a thread while its server hangs; its default is 4.
process.env.UV_THREADPOOL_SIZE ??= '16';
// The AWS SDK's notice of when it will leave Node 20 is for who builds this, not for who runs it.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
import('../dist/src/main.js');
