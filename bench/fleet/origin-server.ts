/**
 * The process of the capped origin: `origin-server ADDRESS FILES` (JSON). An S3 server whose objects are made when
 * asked for. On SIGUSR2 it prints how many bytes of each key it has sent.
 */
import { startOriginServer } from '@tidecache/storage/testing';
import { BUCKET, contentOf, type FleetFile } from './file.js';

const [host, json] = process.argv.slice(2);
const files = JSON.parse(json!) as FleetFile[];
const server = await startOriginServer({ buckets: [BUCKET], host: host! });
for (const file of files) {
  const content = contentOf(file);
  const etag = content.read(0, 16).toString('hex');
  server.generate(
    BUCKET,
    file.key,
    file.size,
    (offset, out) => void content.read(offset, out.length).copy(out),
    etag,
  );
}
let asked = 0;
process.on('SIGUSR2', () => {
  const sent = Object.fromEntries(files.map(({ key }) => [key, server.bytesSent(BUCKET, key)]));
  console.log(`sent ${++asked} ${JSON.stringify(sent)}`);
});
const { url, region, credentials } = server;
console.log(`origin ${JSON.stringify({ url, region, credentials })}`);
