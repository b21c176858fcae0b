// What the two hosts, the agents and pair.yaml show: the paths that safety rests on, and what was chosen.
import type { AgentFacts, Facts, HostFacts } from './facts.ts';
import { type Finding, type Severity, someOf } from './finding.ts';

interface HostRule {
  readonly code: string;
  readonly severity: Severity;
  readonly found: (host: HostFacts, facts: Facts) => string | null;
  readonly why: string;
  readonly mend: (host: HostFacts, facts: Facts) => string;
}

const FREE_MIN = 0.05;
const FREE_BYTES_MIN = 1 << 30;
const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
const full = (host: HostFacts) =>
  host.disks.filter(
    ({ freeBytes, totalBytes }) => freeBytes < FREE_BYTES_MIN || freeBytes < totalBytes * FREE_MIN,
  );
const agentOf = (facts: Facts, node: string): AgentFacts | undefined =>
  facts.agents.find((each) => each.node === node);

const HOST_RULES: readonly HostRule[] = [
  {
    code: 'secret-open',
    severity: 'error',
    found: ({ secrets }) => {
      const open = secrets.filter((each) => each.open);
      return open.length === 0
        ? null
        : `every user of this host may read ${open.map((each) => `${each.path} (${each.what})`).join(', ')}`;
    },
    why: 'whoever has it may order a failover, or log in to both servers',
    mend: ({ secrets }) =>
      `chmod 600 ${secrets
        .filter((each) => each.open)
        .map((each) => each.path)
        .join(' ')}`,
  },
  {
    code: 'secret-missing',
    severity: 'error',
    found: ({ secrets }) => {
      const missing = secrets.filter((each) => each.problem !== null);
      return missing.length === 0
        ? null
        : missing.map((each) => `${each.path} (${each.what}): ${each.problem}`).join('; ');
    },
    why: 'the agent does not start without it',
    mend: () => 'twinkeep setup makes missing secrets; on the second host, copy them from the first',
  },
  {
    code: 'disk-full',
    severity: 'error',
    found: (host) =>
      full(host).length === 0
        ? null
        : full(host)
            .map(
              ({ path, freeBytes, totalBytes }) => `${path} has ${gib(freeBytes)} of ${gib(totalBytes)} free`,
            )
            .join('; '),
    why: 'a server that cannot write stops acknowledging, and the role moves; a full disk under the record stops every decision',
    mend: () => 'free some space: PURGE BINARY LOGS removes what both masters have applied',
  },
  {
    code: 'clock-free',
    severity: 'warning',
    found: ({ clockSynchronised }) =>
      clockSynchronised === false ? "this host's clock is not synchronised" : null,
    why: 'nothing is decided by clocks, but NOW() jumps at a switchover, and two logs cannot be read side by side',
    mend: () => 'apt-get install chrony',
  },
  {
    code: 'gateway-silent',
    severity: 'error',
    found: ({ gatewayAnswers }, { pair }) =>
      gatewayAnswers === false ? `the gateway ${pair.gateway} does not answer` : null,
    why: 'a standby takes over only while its gateway answers: otherwise it may be the one that is cut off',
    mend: () => 'mend the network, or name a gateway that answers ARP and ping in failover.gateway',
  },
  {
    code: 'interface-missing',
    severity: 'error',
    found: ({ interfaceExists }) =>
      interfaceExists ? null : 'the interface that pair.yaml names is not there',
    why: 'neither VRRP nor the VIPs have a place',
    mend: ({ node }) => `mend nodes.${node}.interface in pair.yaml (ip -br link shows the names)`,
  },
  {
    code: 'vip-left-over',
    severity: 'error',
    found: ({ vipsHere, node }, facts) =>
      vipsHere.length === 0 || agentOf(facts, node)?.holdsVip === true
        ? null
        : `${someOf(vipsHere)} is on this host, and its agent does not hold it`,
    why: 'somebody else put it there: two hosts answer for one address, and clients write to either',
    mend: ({ vipsHere }) =>
      `ip address del ${vipsHere[0] ?? ''} dev INTERFACE   # and find out who adds it (keepalived, ifupdown)`,
  },
  {
    code: 'rival',
    severity: 'error',
    found: ({ rivals }) => (rivals.length === 0 ? null : `${someOf(rivals)} runs on this host, too`),
    why: 'two programs that move the same addresses and masters undo each other',
    mend: ({ rivals }) =>
      `systemctl disable --now ${rivals[0] ?? ''}   # if it cares for the same VIPs or servers`,
  },
  {
    code: 'vrrp-filtered',
    severity: 'error',
    found: ({ droppedBy }) =>
      droppedBy === null || droppedBy.length === 0
        ? null
        : `the packet filter drops VRRP: ${someOf(droppedBy)}`,
    why: 'without VRRP the fastest way to notice a dead host is gone, and with keepalived both become master; twinkeep then moves nothing',
    mend: () =>
      'nft insert rule inet filter input ip protocol 112 accept   # on both hosts, and keep it in /etc/nftables.conf',
  },
  {
    code: 'capabilities',
    severity: 'warning',
    found: ({ lacksCapabilities: lacks }) =>
      lacks.length === 0 ? null : `this process lacks ${lacks.join(' and ')}`,
    why: 'the agent needs them for VRRP and the VIPs',
    mend: () => 'run it by the systemd unit, which grants them, or as root',
  },
  {
    code: 'few-open-files',
    severity: 'warning',
    found: ({ openFilesMax: max }) =>
      max !== null && max < 4096 ? `the database server may open ${max} files only` : null,
    why: 'connections and tables are refused when they run out',
    mend: () => "LimitNOFILE=65535 in a drop-in of the server's unit (systemctl edit mariadb)",
  },
  {
    code: 'arp-flux',
    severity: 'warning',
    found: ({ kernel }) =>
      kernel['arp_ignore'] !== undefined && Number(kernel['arp_ignore']) >= 8
        ? 'arp_ignore is 8: this host answers no ARP for its VIPs'
        : null,
    why: 'nobody finds the VIP',
    mend: () => 'sysctl -w net.ipv4.conf.all.arp_ignore=1',
  },
];

export function judgeHosts(facts: Facts): Finding[] {
  return facts.hosts.flatMap((host) =>
    HOST_RULES.flatMap(({ found, mend, ...rule }): Finding[] => {
      const what = found(host, facts);
      return what === null ? [] : [{ ...rule, about: host.node, what, mend: mend(host, facts) }];
    }),
  );
}

const CLOCKS_MS_MAX = 1000;

/** What pair.yaml chooses, and what only both sides together show. */
export function judgePair(facts: Facts): Finding[] {
  const { pair, servers, agents } = facts;
  const found: Finding[] = [];
  const say = (code: string, severity: Severity, what: string, why: string, mend: string): void => {
    found.push({ code, severity, about: 'pair', what, why, mend });
  };
  if (!pair.witness && pair.partition === 'availability') {
    say(
      'no-witness',
      'warning',
      'partition: availability, and no witness: for as long as the hosts are cut off from each other, both may acknowledge writes',
      'on healing the later epoch wins, and what clients were told on the other side must be brought over by hand (salvage)',
      'witness: { etcd: ["http://...:2379"] } on a third place; or failover.partition: consistency',
    );
  }
  if (pair.gateway === null) {
    say(
      'no-gateway',
      'warning',
      'failover.gateway is not set',
      'a standby that is cut off from everything takes its writer for dead: the gateway is what tells the two apart',
      'failover: { gateway: the router of this network }',
    );
  }
  if (pair.durability === 'async') {
    say(
      'asynchronous',
      'note',
      'durability: async',
      'a failover may lose the last commits that clients were told of',
      'mysql.durability: lossless',
    );
  }
  const versions = new Set(agents.flatMap((each) => each.version ?? []));
  if (versions.size > 1) {
    say(
      'agents-differ',
      'warning',
      `the agents are of different versions: ${agents.map((each) => `${each.node} ${each.version ?? '?'}`).join(', ')}`,
      'each decides by its own rules; a pair of two versions is meant for the minutes of an upgrade',
      'install the same version on both hosts, the standby first, and restart its agent',
    );
  }
  const [one, other] = servers.map((each) => each.clock);
  const [first, second] = servers;
  if (one != null && other != null && first !== undefined && second !== undefined) {
    const apart = Math.abs(one.aheadMs - other.aheadMs);
    if (apart - one.errorMs - other.errorMs > CLOCKS_MS_MAX) {
      say(
        'clocks-differ',
        'warning',
        `the clocks of ${first.node} and ${second.node} are ${(apart / 1000).toFixed(1)} s apart`,
        'nothing is decided by clocks, but NOW() jumps at a switchover, and two logs cannot be read side by side',
        'apt-get install chrony   # on both hosts',
      );
    }
  }
  return [...found, ...judgeAgents(facts)];
}

function judgeAgents({ agents }: Facts): Finding[] {
  const silent = agents.filter((each) => !each.answers);
  const unreached: Finding[] = silent.map(({ node, because }) => ({
    code: 'agent-silent',
    severity: silent.length === agents.length ? 'note' : 'warning',
    about: node,
    what: because,
    why: 'without its agent a node neither takes over nor hands over',
    mend: 'systemctl start twinkeep   # before set-up there is none yet',
  }));
  const told = new Set<string>();
  const warned = agents.flatMap(({ node, warnings }) =>
    warnings.flatMap(({ code, because, lift }): Finding[] => {
      if (told.has(because)) return [];
      told.add(because);
      return [
        {
          code,
          severity: 'warning',
          about: node,
          what: because,
          why: 'the running agent says so now',
          mend: lift,
        },
      ];
    }),
  );
  return [...unreached, ...warned];
}
