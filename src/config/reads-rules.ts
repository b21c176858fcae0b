// Rules between `reads`, the read VIPs and the rest of pair.yaml. Run by rules.ts after every key was read by itself.
import { formatDuration } from './duration.ts';
import type { Rule } from './rule.ts';

/** Of 1 to 255; the one after vrrp.id, and before it where there is none after. */
export function readsVrrpId(given: number | null, vrrpId: number): number {
  return given ?? (vrrpId < 255 ? vrrpId + 1 : vrrpId - 1);
}

const preferNamesANode: Rule = ({ reads, nodes }, report) => {
  const { prefer } = reads;
  if (prefer === undefined || prefer === 'standby' || nodes.length === 0) return;
  if (nodes.some((node) => node.name === prefer)) return;
  report(
    'reads.prefer',
    'unknown-node',
    `reads.prefer names ${prefer}, and there is no such node`,
    `write \`standby\`, or one of ${nodes.map((node) => node.name).join(', ')}`,
  );
};

const idsDiffer: Rule = ({ reads, vrrp, vips }, report) => {
  if (reads.vrrpId === undefined || reads.vrrpId === null || vrrp.id === undefined) return;
  if (reads.vrrpId !== vrrp.id || (vips.read ?? []).length === 0) return;
  report(
    'reads.vrrpId',
    'equal-vrrp-ids',
    `reads.vrrpId and vrrp.id are both ${vrrp.id}: the read VIPs go their own way, as a virtual router of their own`,
    'give the read VIPs an id that nobody else in this network uses, or leave reads.vrrpId out',
  );
};

/** Two heartbeats (one on its way, one not due yet) and the managers' own beat; and half the limit is the way back. */
const lagCanBeSeen: Rule = ({ reads, mysql, vips }, report) => {
  if (reads.maxLag === undefined || mysql.heartbeatInterval === undefined || (vips.read ?? []).length === 0)
    return;
  const least = 4 * mysql.heartbeatInterval + 1_000;
  if (reads.maxLag >= least) return;
  report(
    ['reads.maxLag', 'mysql.heartbeatInterval'],
    'max-lag-margin',
    `with a heartbeat every ${formatDuration(mysql.heartbeatInterval)} no standby can be seen to be back below half of maxLag (${formatDuration(reads.maxLag)})`,
    `set maxLag to ${formatDuration(least)} or more, or heartbeatInterval to ${formatDuration(Math.max(50, Math.floor((reads.maxLag - 1_000) / 4)))} or less`,
  );
};

export const READS_RULES: readonly Rule[] = [preferNamesANode, idsDiffer, lagCanBeSeen];
