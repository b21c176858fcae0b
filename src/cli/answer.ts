// `why` as lines of text: who writes and since when, what would happen now, and what stands in the way, each rule with what
// lifts it.

import type { NodeView, Reason } from '../app/view.ts';
import type { DatedEvent, Inquiry } from './inquiry.ts';
import { aheadOf, caveats } from './inquiry.ts';
import { showMoment, showSpan } from './moment.ts';
import { replicaSummary } from './replica-lines.ts';
import { ROLE_WORDS, readLines } from './status.ts';
import { tell } from './story.ts';

export interface Line {
  readonly text: string;
  readonly style: 'plain' | 'bold' | 'yellow' | 'dim';
}

const plain = (text: string): Line => ({ text, style: 'plain' });
const gap = plain('');

function rules(reasons: readonly Reason[], indent = '  '): Line[] {
  return reasons.flatMap(({ because, lift }): Line[] => [
    { text: `${indent}${because}`, style: 'yellow' },
    { text: `${indent}  lifts: ${lift}`, style: 'dim' },
  ]);
}

function reign(inquiry: Inquiry): { readonly since: string; readonly because: string | null } {
  const { leading, askedAtMs } = inquiry;
  if (leading.reign === null) return { since: 'since longer than events are kept', because: null };
  const atMs = Date.parse(leading.reign.time) - aheadOf(inquiry, leading.askedNode);
  const span = showSpan(Math.max(0, askedAtMs - atMs));
  const known = leading.askedNode === leading.record.writer ? '' : ` (as ${leading.askedNode} knows it)`;
  return {
    since: `since ${showMoment(atMs, askedAtMs)}, ${span} ago${known}`,
    because: leading.reign.because,
  };
}

const roleOf = (node: NodeView): string => ROLE_WORDS[node.role] ?? node.role;

function headline(inquiry: Inquiry): Line[] {
  const { leading, status } = inquiry;
  const { record, forecast, pair } = leading;
  const bold = (text: string): Line => ({ text, style: 'bold' });
  if (record.writer === null) return [bold(`pair ${pair} has no writer yet`)];
  const { since, because } = reign(inquiry);
  const told = because === null ? [] : [plain(`  because: ${because}`)];
  const where = `epoch ${record.epoch}, ${record.sync}`;
  if (forecast.writer === null) {
    return [bold(`pair ${pair} has no writer at this moment; the last one is ${record.writer} (${where})`)];
  }
  const writer = status.nodes.find((node) => node.name === record.writer);
  if (writer?.role === 'writing') {
    return [bold(`${record.writer} is the writer of pair ${pair} ${since} (${where})`), ...told];
  }
  const now = writer === undefined ? '' : `; ${record.writer} is ${roleOf(writer)}: ${writer.because}`;
  return [bold(`${record.writer} is the writer of pair ${pair} by the record (${where})${now}`), ...told];
}

/** What is wrong with the writer already; null: nothing that is seen. */
function failing(writer: NodeView | undefined): string | null {
  if (writer === undefined || writer.server === 'up') return null;
  const what = writer.role === 'unreachable' ? writer.because : `its server is ${writer.server}`;
  return `${writer.name} fails (${what})`;
}

function expectation({ leading, status }: Inquiry): Line[] {
  const { writer, successor, outageMs, atRisk, against } = leading.forecast;
  if (writer === null) {
    return status.nodes.flatMap((node) => [
      plain(`${node.name} is ${roleOf(node)}: ${node.because}`),
      ...rules(node.ineligible.filter((each) => each.code !== 'starting')),
    ]);
  }
  const lost =
    atRisk === null
      ? 'how many transactions would be lost is not known'
      : atRisk === 0
        ? 'no acknowledged transaction is at risk'
        : `${atRisk} acknowledged transactions would be lost`;
  if (successor !== null && outageMs !== null) {
    return [
      plain(
        `if ${writer} fails now: ${successor} takes over, in about ${showSpan(outageMs.server)} (the server fails) to ${showSpan(outageMs.host)} (the host fails); ${lost}`,
      ),
    ];
  }
  const kept = atRisk === 0 ? 'nothing is lost, and nothing can be written until one of them is back' : lost;
  const when = failing(status.nodes.find((node) => node.name === writer)) ?? `if ${writer} fails now`;
  return [plain(`${when}: nobody takes over by itself (${kept}), because`), ...rules(against)];
}

function surroundings({ status, leading, views }: Inquiry): Line[] {
  const lines: Line[] = [];
  const orders = new Set(views.map((view) => view.maintenance));
  if (orders.size > 1) {
    const each = views.map(
      (view) => `${view.askedNode} says ${view.maintenance === null ? 'off' : `on (${view.maintenance})`}`,
    );
    lines.push({ text: `maintenance: ${each.join(', ')}: they do not hear each other`, style: 'yellow' });
  } else
    lines.push(plain(`maintenance: ${leading.maintenance === null ? 'off' : `on: ${leading.maintenance}`}`));
  lines.push(plain(`witness: ${status.witness ?? 'none is configured'}`));
  lines.push(...replicaSummary(status.replicas));
  lines.push(...readLines(status, 'nobody').map(plain));
  return lines;
}

function remarks(inquiry: Inquiry, told: readonly Reason[]): Line[] {
  const known = new Set(told.map((each) => each.because));
  const rest = inquiry.status.warnings.filter((each) => !known.has(each.because));
  const lines = rest.length === 0 ? [] : [gap, plain('what is wrong now'), ...rules(rest)];
  return [
    ...lines,
    ...caveats(inquiry, null).map((text): Line => ({ text: `note: ${text}`, style: 'yellow' })),
  ];
}

export function pairLines(inquiry: Inquiry): Line[] {
  const { status, leading } = inquiry;
  const told =
    leading.forecast.writer === null ? status.nodes.flatMap((n) => n.ineligible) : leading.forecast.against;
  return [
    ...headline(inquiry),
    gap,
    ...expectation(inquiry),
    gap,
    ...surroundings(inquiry),
    ...remarks(inquiry, told),
  ];
}

export function nodeLines(inquiry: Inquiry, name: string): Line[] {
  const node = inquiry.status.nodes.find((each) => each.name === name);
  if (node === undefined) return [plain(`nothing is known of ${name}`)];
  const { ineligible, held } = node;
  if (node.role === 'writing')
    return [...headline(inquiry), plain(`${name} has the role: nothing stands against it`)];
  const lines: Line[] = [
    { text: `${name} is ${roleOf(node)}: ${node.because}`, style: 'bold' },
    gap,
    plain(
      ineligible.length === 0
        ? `${name} may become the writer now`
        : `${name} may not become the writer now, not even by a switchover, because`,
    ),
    ...rules(ineligible),
  ];
  if (held.length > 0) lines.push(plain('the role does not move to it by itself, because'), ...rules(held));
  if (!node.answers)
    lines.push({ text: `its API does not answer: this is what the other node knows`, style: 'yellow' });
  return [...lines, ...remarks(inquiry, [...ineligible, ...held])];
}

export function storyLines(inquiry: Inquiry, sinceMs: number, events: readonly DatedEvent[]): Line[] {
  const { askedAtMs } = inquiry;
  const told = events.flatMap((event): Line[] => {
    const said = tell(event);
    if (said === null) return [];
    const time = showMoment(event.atMs, askedAtMs);
    const style = said.kind === 'not done' ? 'yellow' : 'plain';
    return [{ text: `${time}  ${event.node}  ${said.kind.padEnd(8)}  ${said.text}`, style }];
  });
  const from = showMoment(sinceMs, askedAtMs);
  const [writer] = headline(inquiry);
  return [
    { text: `since ${from}, by this host's clock`, style: 'bold' },
    ...caveats(inquiry, sinceMs).map((text): Line => ({ text: `note: ${text}`, style: 'yellow' })),
    gap,
    ...(told.length === 0 ? [plain('nothing was decided, and nothing was refused')] : told),
    gap,
    plain(`now: ${writer?.text ?? ''}`),
  ];
}
