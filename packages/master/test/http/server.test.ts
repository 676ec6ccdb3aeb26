import { TidecacheError } from '@tidecache/protocol';
import { httpToken } from '@tidecache/transport';
import { t } from 'tap';
import { DatasetReport, StatusReport, WorkersReport } from '../../src/http/shapes.js';
import { makeWorld, type World } from '../support/world.js';

const headers = { authorization: `Bearer ${httpToken('secret')}` };

async function ask(world: World, method: 'GET' | 'POST' | 'DELETE', url: string, payload?: object) {
  const response = await world.app.inject({ method, url, headers, ...(payload && { payload }) });
  return { status: response.statusCode, body: response.json() };
}

const body = { path: '/a b/价格', uri: 's3://bucket/x' };

t.test('a dataset is added, shown, listed and removed', async (t) => {
  const world = await makeWorld(t);
  const added = await ask(world, 'POST', '/v1/datasets', body);
  t.equal(added.status, 201);
  const report = DatasetReport.parse(added.body);
  t.match(report, {
    id: 1,
    readOnly: true,
    metadata: { ttlMs: 60_000 },
    blockBytes: 4 * 1024 * 1024,
    inodes: 0,
  });
  const url = `/v1/datasets/${encodeURIComponent(body.path)}`;
  t.same((await ask(world, 'GET', url)).body, report);
  t.same((await ask(world, 'GET', '/v1/datasets')).body, { generation: 1, datasets: [report] });
  t.equal((await ask(world, 'DELETE', url)).status, 200);
  t.match(await ask(world, 'GET', url), { status: 404, body: { code: 'NOT_FOUND' } });
  t.match(await ask(world, 'DELETE', url), { status: 404 });
});

t.test('bad input names the field and the fix', async (t) => {
  const world = await makeWorld(t);
  const cases: [object, RegExp][] = [
    [{ ...body, path: 5 }, /path: .*"\/prices\/daily"/],
    [{ uri: 's3://b' }, /path/],
    [{ ...body, metadata: 'sometimes' }, /metadata: .*ttlMs/],
    [{ ...body, metadata: { ttlMs: 0 } }, /metadata/],
    [{ ...body, blockBytes: 1000 }, /blockBytes: .*262144/],
    [{ ...body, options: { endpont: 'x' } }, /options: .*endpont.*endpoint/],
    [{ ...body, colour: 'red' }, /the body: .*colour/],
    [{ ...body, path: 'relative' }, /relative.*slash/],
    [{ ...body, uri: 'ftp://x' }, /ftp/],
  ];
  for (const [payload, message] of cases) {
    t.match(await ask(world, 'POST', '/v1/datasets', payload), {
      status: 400,
      body: { code: 'INVALID', message },
    });
  }
  const broken = await world.app.inject({
    method: 'POST',
    url: '/v1/datasets',
    headers: { ...headers, 'content-type': 'application/json' },
    payload: '{',
  });
  t.match(broken.json(), { code: 'INVALID', message: /no JSON/ });
  t.same((await ask(world, 'GET', '/v1/datasets')).body.datasets, []);
});

t.test('what the origin says comes through', async (t) => {
  const world = await makeWorld(t);
  const says = async (error: TidecacheError) => {
    world.origin.failure = error;
    return ask(world, 'POST', '/v1/datasets', body);
  };
  t.match(await says(new TidecacheError('ACCESS_DENIED', '403 AccessDenied')), {
    status: 403,
    body: { message: /403/ },
  });
  t.match(await says(new TidecacheError('NOT_FOUND', 'no bucket')), { status: 404 });
  t.match(await says(new TidecacheError('TIMEOUT', 'slow')), { status: 504 });
});

t.test('without the token nothing is told but health and metrics', async (t) => {
  const world = await makeWorld(t);
  for (const authorization of [undefined, 'Bearer wrong', `Basic ${httpToken('secret')}`, '']) {
    const response = await world.app.inject({
      method: 'GET',
      url: '/v1/status',
      headers: authorization === undefined ? {} : { authorization },
    });
    t.equal(response.statusCode, 401);
    t.match(response.json(), { code: 'ACCESS_DENIED', message: /Bearer/ });
  }
  for (const url of ['/healthz', '/readyz', '/metrics']) {
    t.equal((await world.app.inject({ method: 'GET', url })).statusCode, 200);
  }
  t.match((await world.app.inject({ method: 'GET', url: '/nope' })).json(), { code: 'NOT_FOUND' });
});

t.test('status and workers', async (t) => {
  const world = await makeWorld(t);
  world.origin.put('f');
  await world.addDataset('once', '/d');
  await world.walk('/d/f');
  const member = { id: 'w1', host: 'h', port: 1, hostId: 'x', weight: 9 };
  world.members.register({ member, release: '0.1.0', clockMs: world.time.now(), memoryBytes: 9 }, {});
  world.time.advance(700);
  const status = StatusReport.parse((await ask(world, 'GET', '/v1/status')).body);
  t.match(status, {
    epoch: 1,
    settled: true,
    uptimeMs: 700,
    clients: [],
    datasets: [{ path: '/d', inodes: 1 }],
  });
  const { workers } = WorkersReport.parse((await ask(world, 'GET', '/v1/workers')).body);
  t.match(workers, [{ member, silentMs: 700, leaseLeftMs: 2300, connected: true }]);
  const metrics = (await world.app.inject({ method: 'GET', url: '/metrics' })).body;
  for (const line of [
    'tidecache_master_workers 1',
    'tidecache_master_datasets 1',
    'tidecache_master_ring_epoch 1',
  ]) {
    t.match(metrics, line);
  }
});

t.test('not ready after a restart, until the ring is sure', async (t) => {
  const world = await makeWorld(t);
  const member = { id: 'w1', host: 'h', port: 1, hostId: 'x', weight: 9 };
  const registration = { member, release: '0.1.0', clockMs: world.time.now(), memoryBytes: 9 };
  world.members.register(registration, {});
  const after = await world.restart();
  const ready = async () => (await after.app.inject({ method: 'GET', url: '/readyz' })).statusCode;
  t.equal(await ready(), 503);
  after.members.register(registration, {});
  t.equal(await ready(), 200);
});
