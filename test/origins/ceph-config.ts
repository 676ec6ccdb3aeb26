/** The configuration of the smallest Ceph cluster that serves S3, and what its daemons may do. */

export interface Daemon {
  readonly program: string;
  readonly args: readonly string[];
  /** Whose key it holds, and where. */
  readonly entity: string;
  readonly keyring: string;
  readonly capabilities: readonly (readonly [of: string, what: string])[];
}

const all = 'allow *';

/** In the order in which their keys are made: the monitor's list takes the others in. */
export const DAEMONS = {
  mon: {
    program: 'ceph-mon',
    args: ['-i', 'a'],
    entity: 'mon.',
    keyring: 'mon.keyring',
    capabilities: [['mon', all]],
  },
  admin: {
    program: 'ceph',
    args: [],
    entity: 'client.admin',
    keyring: 'admin.keyring',
    capabilities: [
      ['mon', all],
      ['osd', all],
      ['mgr', all],
    ],
  },
  mgr: {
    program: 'ceph-mgr',
    args: ['-i', 'x'],
    entity: 'mgr.x',
    keyring: 'mgr/keyring',
    capabilities: [
      ['mon', 'allow profile mgr'],
      ['osd', all],
    ],
  },
  osd: {
    program: 'ceph-osd',
    args: ['-i', '0'],
    entity: 'osd.0',
    keyring: 'osd/keyring',
    capabilities: [
      ['mon', 'allow profile osd'],
      ['mgr', 'allow profile osd'],
      ['osd', all],
    ],
  },
  rgw: {
    program: 'radosgw',
    args: ['-n', 'client.rgw'],
    entity: 'client.rgw',
    keyring: 'rgw.keyring',
    capabilities: [
      ['mon', 'allow rw'],
      ['mgr', 'allow rw'],
      ['osd', 'allow rwx'],
    ],
  },
} as const satisfies Record<string, Daemon>;

export interface CephConfigInit {
  readonly id: string;
  /** Where everything lies. */
  readonly dir: string;
  readonly monitorPort: number;
  readonly gatewayPort: number;
}

/** `ceph.conf`. */
export function cephConfig({ id, dir, monitorPort, gatewayPort }: CephConfigInit): string {
  return `
[global]
fsid = ${id}
mon host = [v2:127.0.0.1:${monitorPort}]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
# Without authentication ('none') the daemons of this release wait for each other for ever.
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
keyring = ${dir}/${DAEMONS.admin.keyring}
run dir = ${dir}/run
admin socket = ${dir}/run/$name.asok
log file = ${dir}/log/$name.log
mon cluster log file = ${dir}/log/cluster.log
crash dir = ${dir}/crash
pid file =
# One copy of everything, on one store, in few placement groups.
osd pool default size = 1
osd pool default min size = 1
mon allow pool size one = true
osd crush chooseleaf type = 0
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off
mon max pg per osd = 1000
# The machine's own disk may be as full as it likes.
mon data avail warn = 1
mon data avail crit = 0

[mon]
mon data = ${dir}/mon
keyring = ${dir}/${DAEMONS.mon.keyring}

[mgr]
mgr data = ${dir}/mgr
keyring = ${dir}/${DAEMONS.mgr.keyring}

[osd]
osd data = ${dir}/osd
keyring = ${dir}/${DAEMONS.osd.keyring}
osd objectstore = memstore
memstore device bytes = ${4 * 1024 ** 3}

[client.rgw]
keyring = ${dir}/${DAEMONS.rgw.keyring}
rgw data = ${dir}/rgw
rgw frontends = beast endpoint=127.0.0.1:${gatewayPort}
`;
}
