// A random walk: hosts, cables, networks and processes fail and come back in any order, and after each step the right hosts are masters.
// Two crossed routers on one interface, or (--group) a sync group over two interfaces.
// `node test/interop/walk.ts --seed 7 --steps 40 --role a`; a failure prints how to have it again.

import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { file, instance } from './configuration.ts';
import { type HostName, sweep } from './network.ts';
import { play, ROLES, type Role, type Stage } from './stage.ts';

interface RouterPlan {
  readonly vrid: number;
  readonly vip: string;
  readonly link: number;
  readonly priorities: Readonly<Record<HostName, number>>;
}

interface Plan {
  readonly links: number;
  readonly routers: readonly RouterPlan[];
  /** Lines before the instances. */
  readonly group: string;
}

const CROSSED: Plan = {
  links: 1,
  routers: [
    { vrid: 51, vip: '10.9.0.100', link: 0, priorities: { a: 150, b: 100 } },
    { vrid: 52, vip: '10.9.0.101', link: 0, priorities: { a: 100, b: 150 } },
  ],
  group: '',
};

const GROUPED: Plan = {
  links: 2,
  routers: [
    { vrid: 51, vip: '10.9.0.100', link: 0, priorities: { a: 150, b: 100 } },
    { vrid: 52, vip: '10.9.1.100', link: 1, priorities: { a: 150, b: 100 } },
  ],
  group: 'vrrp_sync_group VG {\n  group {\n    VI_51\n    VI_52\n  }\n}\n',
};

const HOSTS = ['a', 'b'] as const;
const SETTLE_MS_MAX = 25_000;
const WINDOW_MS = 450;

/** mulberry32: the same walk for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface HostState {
  daemon: 'up' | 'down' | 'frozen';
  /** Of each link. */
  readonly carriers: boolean[];
}

interface World {
  readonly stage: Stage;
  readonly plan: Plan;
  readonly hosts: Readonly<Record<HostName, HostState>>;
  /** Frames pass between the hosts. */
  whole: boolean;
}

const configuration = ({ routers, group }: Plan, host: HostName): string =>
  file(
    routers.map(({ vrid, vip, link, priorities }) =>
      instance({
        name: `VI_${vrid}`,
        vrid,
        vips: [`${vip}/24`],
        interfaceName: `eth${link}`,
        priority: priorities[host],
      }),
    ),
    group,
  );

const hasCarrier = ({ carriers }: HostState): boolean => carriers.every((carrier) => carrier);

interface Move {
  readonly name: string;
  possible(world: World, host: HostName): boolean;
  make(world: World, host: HostName): Promise<void>;
}

const MOVES: readonly Move[] = [
  {
    name: 'start',
    possible: ({ hosts }, host) => hosts[host].daemon === 'down',
    async make({ stage, hosts, plan }, host) {
      // Without a carrier it opens its sockets later.
      const waits = hasCarrier(hosts[host]);
      const daemon = await stage.start(host, configuration(plan, host), { waits });
      const pidFile = join(stage.folder, `${host}-main.pid`);
      // Who sends it a signal has its number from there.
      await stage.until(
        'the pid file names it',
        () => existsSync(pidFile) && Number(readFileSync(pidFile, 'utf8')) === daemon.pid,
      );
      hosts[host].daemon = 'up';
    },
  },
  {
    name: 'stop',
    possible: ({ hosts }, host) => hosts[host].daemon === 'up',
    async make({ stage, hosts }, host) {
      await stage.daemon(host).stop();
      hosts[host].daemon = 'down';
    },
  },
  {
    name: 'crash',
    possible: ({ hosts }, host) => hosts[host].daemon === 'up',
    async make({ stage, hosts, plan }, host) {
      await stage.crash(host);
      // What a crash leaves is case 19; here the host is mended by hand, as its operator would.
      for (const { vip, link } of plan.routers)
        if (stage.network.holds(host, vip)) await stage.network.ip(host, `addr del ${vip}/24 dev eth${link}`);
      // The C daemon takes a pid file whose process is a zombie for a daemon that runs, and does not start.
      if (stage.kinds[host] === 'keepalived')
        for (const name of ['main', 'vrrp'])
          rmSync(join(stage.folder, `${host}-${name}.pid`), { force: true });
      hosts[host].daemon = 'down';
    },
  },
  {
    name: 'freeze',
    possible: ({ hosts }, host) => hosts[host].daemon === 'up',
    async make({ stage, hosts }, host) {
      await stage.freeze(host);
      hosts[host].daemon = 'frozen';
    },
  },
  {
    name: 'thaw',
    possible: ({ hosts }, host) => hosts[host].daemon === 'frozen',
    async make({ stage, hosts }, host) {
      await stage.thaw(host);
      hosts[host].daemon = 'up';
    },
  },
  ...[0, 1].flatMap((link): Move[] => [
    {
      name: `pull cable ${link} of`,
      possible: ({ hosts }, host) => hosts[host].carriers[link] === true,
      async make({ stage, hosts }, host) {
        await stage.network.pull(host, link);
        hosts[host].carriers[link] = false;
      },
    },
    {
      name: `plug cable ${link} of`,
      possible: ({ hosts }, host) => hosts[host].carriers[link] === false,
      async make({ stage, hosts }, host) {
        await stage.network.plug(host, link);
        hosts[host].carriers[link] = true;
      },
    },
  ]),
  {
    name: 'cut',
    possible: ({ whole }, host) => whole && host === 'b',
    async make(world) {
      for (let link = 0; link < world.plan.links; link++) await world.stage.network.cut('b', link);
      world.whole = false;
    },
  },
  {
    name: 'heal',
    possible: ({ whole }, host) => !whole && host === 'b',
    async make(world) {
      for (let link = 0; link < world.plan.links; link++) await world.stage.network.heal('b', link);
      world.whole = true;
    },
  },
  {
    name: 'reload',
    possible: ({ hosts }, host) => hosts[host].daemon === 'up',
    async make({ stage }, host) {
      stage.daemon(host).signal('SIGHUP');
    },
  },
  {
    name: 'delete the VIPs by hand at',
    possible: ({ hosts }, host) => hosts[host].daemon === 'up' && hasCarrier(hosts[host]),
    async make({ stage, plan }, host) {
      for (const { vip, link } of plan.routers)
        if (stage.network.holds(host, vip))
          // It may be gone by now: the daemon lives.
          await stage.network.ip(host, `addr del ${vip}/24 dev eth${link}`).catch(() => undefined);
    },
  },
];

/** Who is to be master of a router now. */
function mastersOf({ hosts, whole }: World, priorities: Readonly<Record<HostName, number>>): HostName[] {
  const live = HOSTS.filter((host) => hosts[host].daemon === 'up' && hasCarrier(hosts[host]));
  if (!whole) return live;
  return live.sort((a, b) => priorities[b] - priorities[a]).slice(0, 1);
}

async function settled(world: World): Promise<void> {
  const { stage, hosts } = world;
  for (const { vrid, vip, priorities } of world.plan.routers) {
    const wanted = mastersOf(world, priorities).sort().join();
    let found = '';
    const start = performance.now();
    await stage
      .until(
        `masters of router ${vrid}: ${wanted || 'nobody'}`,
        async () => {
          const recent = stage.adverts({ vrid, since: Date.now() - WINDOW_MS });
          const saying = [...new Set(recent.map(({ from }) => from))].sort().join();
          const holding = (await stage.holders(vip)).filter((host) => hosts[host].daemon !== 'frozen').join();
          found = `'${saying}' advertise, '${holding}' hold ${vip}`;
          return saying === wanted && holding === wanted && performance.now() - start > 2 * WINDOW_MS;
        },
        SETTLE_MS_MAX,
      )
      .catch((error: Error) => {
        throw new Error(`${error.message}; ${found}`);
      });
  }
}

async function walk(plan: Plan, role: Role, seed: number, steps: number): Promise<void> {
  const random = randomOf(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  await play(role, plan.links, async (stage) => {
    const world: World = {
      stage,
      plan,
      hosts: {
        a: { daemon: 'down', carriers: Array(plan.links).fill(true) },
        b: { daemon: 'down', carriers: Array(plan.links).fill(true) },
      },
      whole: true,
    };
    const past: string[] = [];
    for (let step = 0; step < steps; step++) {
      const possible = MOVES.flatMap((move) =>
        HOSTS.filter((host) => move.possible(world, host)).map((host) => ({ move, host })),
      );
      const { move, host } = pick(possible);
      past.push(`${move.name} ${host}`);
      await move.make(world, host);
      // Half of the steps follow each other at once: a failure in the middle of a failover.
      if (random() < 0.5 && step < steps - 1) {
        await stage.pause(random() * 400);
        continue;
      }
      await settled(world).catch((error: Error) => {
        const again = `${plan === GROUPED ? '--group ' : ''}--role ${role} --seed ${seed} --steps ${step + 1}`;
        throw new Error(`${error.message}\nagain: ${again}\nsteps: ${past.join(', ')}`);
      });
    }
  });
}

const { values } = parseArgs({
  options: {
    role: { type: 'string', multiple: true, default: ['a', 'b', 't'] },
    seed: { type: 'string', default: String(Date.now() % 100_000) },
    walks: { type: 'string', default: '1' },
    steps: { type: 'string', default: '40' },
    group: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});
await sweep();
for (let i = 0; i < Number(values.walks); i++) {
  const seed = Number(values.seed) + i;
  await Promise.all(
    ROLES.filter((role) => values.role.includes(role)).map(async (role) => {
      try {
        await walk(values.group ? GROUPED : CROSSED, role, seed, Number(values.steps));
        console.log(`role ${role}, seed ${seed}: ${values.steps} steps, right after each`);
      } catch (error) {
        process.exitCode = 1;
        const text = error instanceof Error ? error.message : String(error);
        console.log(`role ${role}, seed ${seed}: ${values.verbose ? text : text.split('\n---')[0]}`);
      }
    }),
  );
}
