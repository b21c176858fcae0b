// keepalived_check.data (SIGUSR1): the virtual servers, how their quorum stands, and each real server with its checkers.

export interface DumpVirtualServer {
  readonly name: string;
  readonly quorumUp: boolean;
  readonly quorum: number;
  readonly hysteresis: number;
  readonly aliveWeight: number;
  readonly sorryServerInUse: boolean;
  readonly suspended: boolean;
  readonly realServers: readonly {
    readonly name: string;
    readonly alive: boolean;
    readonly set: boolean;
    readonly weight: number;
    readonly effectiveWeight: number;
    readonly checkers: readonly {
      readonly kind: string;
      readonly target: string;
      readonly up: boolean;
      readonly hasRun: boolean;
      readonly because: string | null;
    }[];
  }[];
}

const yesNo = (value: boolean): string => (value ? 'yes' : 'no');

function realServerLines(r: DumpVirtualServer['realServers'][number]): string[] {
  return [
    `   ------< Real server >------`,
    `   RIP = ${r.name}, weight = ${r.effectiveWeight}`,
    `   Alive = ${yesNo(r.alive)}`,
    `   In the pool = ${yesNo(r.set)}`,
    `   Configured weight = ${r.weight}`,
    ...r.checkers.flatMap((c) => [
      `   Checker = ${c.kind} ${c.target}`,
      `     State = ${!c.hasRun ? 'not run yet' : c.up ? 'UP' : 'DOWN'}`,
      ...(c.because === null ? [] : [`     Last failure = ${c.because}`]),
    ]),
  ];
}

export function renderChecks(view: {
  readonly ipvs: boolean;
  readonly virtualServers: readonly DumpVirtualServer[];
}): string {
  return [
    '------< LVS Topology >------',
    ` IPVS = ${view.ipvs ? 'steered' : 'not on this host: checks and scripts run without it'}`,
    ...view.virtualServers.flatMap((v) => [
      ` ------< Virtual server >------`,
      ` VIP = ${v.name}`,
      `   Quorum = ${v.quorum}, hysteresis = ${v.hysteresis}, alive weight = ${v.aliveWeight}`,
      `   Quorum up = ${yesNo(v.quorumUp)}`,
      `   Sorry server in use = ${yesNo(v.sorryServerInUse)}`,
      `   Suspended = ${yesNo(v.suspended)}`,
      ...v.realServers.flatMap(realServerLines),
    ]),
    '',
  ].join('\n');
}
