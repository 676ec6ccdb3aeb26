/**
 * The S3 server of the demo, the benches and the tests that need nothing stricter: fauxqs, in a process of its own
 * so that its memory and CPU are its own, on loopback.
 */
import { writeFileSync } from 'node:fs';
import { type Origin, type OriginOptions, openOrigin } from '@tidecache/storage';
import { type Content, chunksOf } from './content.js';
import type { Scratch } from './scratch.js';
import { Service } from './service.js';

// As the command does: the AWS SDK's notice about Node 20 says nothing to who reads a test's output.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

const LOAD_DEADLINE_MS = 120_000;

export interface S3Server {
  readonly options: OriginOptions;
  /** The flags that `tidecache dataset add` needs. */
  readonly flags: readonly string[];
  readonly service: Service;
  open(uri: string): Origin;
  put(uri: string, key: string, content: Content): Promise<void>;
}

export async function startS3(scratch: Scratch, buckets: readonly string[]): Promise<S3Server> {
  const code = `
    import { startFauxqs } from 'fauxqs';
    const server = await startFauxqs({ port: 0, host: '127.0.0.1', logger: false, init: { buckets: ${JSON.stringify(buckets)} } });
    console.log('port ' + server.port);
    process.stdin.resume();
  `;
  const service = new Service({
    name: 's3',
    command: process.execPath,
    // Its memory holds every object: the default heap limit does not bound buffers, but be generous.
    args: ['--input-type=module', '-e', code],
    cwd: import.meta.dirname,
  });
  scratch.defer('s3 server', () => service.stop());
  const port = await service.line('port', (line) => /^port (\d+)/.exec(line)?.[1]);
  // It checks no signatures; the client signs all the same.
  const credentialsFile = scratch.path('s3-credentials.json');
  writeFileSync(credentialsFile, JSON.stringify({ accessKeyId: 'demo', secretAccessKey: 'demo-secret' }), {
    mode: 0o600,
  });
  const endpoint = `http://127.0.0.1:${port}`;
  const options = { endpoint, region: 'us-east-1', pathStyle: true, credentialsFile };
  const flags = [
    '--endpoint',
    endpoint,
    '--region',
    'us-east-1',
    '--path-style',
    '--credentials-file',
    credentialsFile,
  ];
  const open = (uri: string) => openOrigin(uri, options);
  const put = async (uri: string, key: string, content: Content) => {
    const origin = open(uri);
    try {
      const body = content.size <= 8 << 20 ? content.read(0, content.size) : streamOf(content);
      await origin.write(key, body, { size: content.size, deadlineMs: LOAD_DEADLINE_MS });
    } finally {
      await origin.close();
    }
  };
  return { options, flags, service, open, put };
}

async function* streamOf(content: Content): AsyncGenerator<Buffer> {
  yield* chunksOf(content);
}
