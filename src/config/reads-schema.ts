// The keys of `reads` in pair.yaml, a part of schema.ts: who holds the read VIPs. What involves two keys is in
// reads-rules.ts.
import { duration, matching, orNone, whole } from './fields.ts';
import { section } from './section.ts';

export const READS = section(
  'Who holds the read VIPs. Without a fresh standby they go to the writer, and come back by themselves.',
  {
    prefer: matching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, '`standby`, or the name of a node', {
      meaning:
        '`standby`: whichever node is the standby. A node: that one, as long as it is fresh, whatever its role.',
      fallback: 'standby',
      example: 'standby',
    }),
    maxLag: duration(
      { min: '2s', max: '1h', usualMs: 5_000 },
      {
        meaning:
          "How old a standby's data may be, as the writer's heartbeat proves it; one that is older gives the read VIPs up and its readers are cut off. It comes back below half of it.",
        fallback: 5_000,
        example: '5s',
      },
    ),
    vrrpId: orNone(
      whole(1, 255, {
        meaning: 'Virtual router id of the read VIPs. No other VRRP group in the same network may use it.',
        example: '52',
      }),
      'vrrp.id + 1',
    ),
  },
);
