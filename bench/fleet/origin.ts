/** The origin of a fleet, in its own host behind its own link. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Credentials } from '@tidecache/storage';
import { type Scratch, Service } from '@tidecache/test';
import type { Host } from '../lab/hosts.js';
import type { FleetFile } from './file.js';

const SERVER = fileURLToPath(new URL('./origin-server.js', import.meta.url));

export class FleetOrigin {
  readonly url: string;
  readonly region: string;
  readonly credentials: Credentials;
  /** What `tidecache dataset add` needs to reach it. */
  readonly flags: readonly string[];
  readonly #service: Service;
  #asked = 0;

  private constructor(service: Service, told: string, credentialsFile: string) {
    const { url, region, credentials } = JSON.parse(told);
    this.url = url;
    this.region = region;
    this.credentials = credentials;
    this.#service = service;
    writeFileSync(credentialsFile, JSON.stringify(credentials), { mode: 0o600 });
    const keys = ['--credentials-file', credentialsFile];
    this.flags = ['--endpoint', url, '--region', region, '--path-style', ...keys];
  }

  static async start(scratch: Scratch, host: Host, files: readonly FleetFile[]): Promise<FleetOrigin> {
    const args = [SERVER, host.address, JSON.stringify(files)];
    const service = new Service({ name: 'origin', ...host.command(process.execPath, args) });
    scratch.defer('origin', () => service.stop());
    const told = await service.line('origin', (line) => /^origin (.*)/.exec(line)?.[1]);
    return new FleetOrigin(service, told, scratch.path('origin-credentials.json'));
  }

  /** Bytes of bodies that it has sent of a file so far. */
  async sent({ key }: FleetFile): Promise<number> {
    const prefix = `sent ${++this.#asked} `;
    process.kill(this.#service.pid, 'SIGUSR2');
    const told = await this.#service.line('count of bytes', (line) =>
      line.startsWith(prefix) ? line.slice(prefix.length) : undefined,
    );
    return JSON.parse(told)[key];
  }
}
