// interface_up_down_delays and garp_group: what a file says of interfaces, not of instances. Used by config.ts.
import { quote, type Report } from './findings.ts';
import type { TOP } from './schema/index.ts';
import type { Reading } from './spec.ts';
import type { GarpGroup, InterfaceDelay } from './types.ts';
import { last } from './values.ts';

const DELAY_S_MAX = 255;

function delayMs(text: string | undefined): number | null {
  if (text === undefined || !/^[0-9]+\.?[0-9]*$/.test(text)) return null;
  const seconds = Number(text);
  return seconds <= DELAY_S_MAX ? seconds * 1000 : null;
}

export function readInterfaceDelays(reading: Reading<typeof TOP>, report: Report): InterfaceDelay[] {
  const lines = (reading.values.interface_up_down_delays ?? []).flatMap((each) => each.value);
  return lines.flatMap(({ value: [name = '', down, up = down], at }): InterfaceDelay[] => {
    const [downMs, upMs] = [delayMs(down), delayMs(up)];
    if (downMs !== null && upMs !== null) return [{ name, downMs, upMs }];
    report(
      'error',
      at,
      'value',
      `the delays of ${quote(name)} cannot be read`,
      `write the interface, the delay of down and perhaps that of up, in seconds from 0 to ${DELAY_S_MAX}: eth0 0.5 1`,
    );
    return [];
  });
}

export function readGarpGroups(reading: Reading<typeof TOP>): GarpGroup[] {
  return (reading.values.garp_group ?? []).map(({ value: { values } }) => {
    const one = last(values.interface);
    const several = (values.interfaces ?? []).flatMap((each) => each.value.map(({ value }) => value));
    return {
      interfaces: one === undefined ? several : [one, ...several],
      arpIntervalMs: last(values.garp_interval) ?? 0,
      naIntervalMs: last(values.gna_interval) ?? 0,
    };
  });
}
