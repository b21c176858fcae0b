// The keys of `archive` in pair.yaml, a part of schema.ts.
import { duration, hostPort } from './fields.ts';

export const ARCHIVE = {
  address: hostPort(false, {
    meaning:
      "Where `twinkeep archive` listens: the address of a third host, which keeps a raw copy of the writer's binary log, and a port.",
    example: '192.0.2.60:8704',
  }),
  budget: duration(
    { min: '100ms', max: '10m', usualMs: 2_000 },
    {
      meaning:
        'With `durability: async`: how long a promotion may take to fetch from the archive what the fallen writer had committed and the standby not received.',
      fallback: 2_000,
      example: '2s',
    },
  ),
};
