// All cases in the order of their numbers.

import type { Case } from '../case.ts';
import { BEYOND } from './beyond.ts';
import { ELECTIONS } from './elections.ts';
import { FAILURES } from './failures.ts';
import { PACKETS } from './packets.ts';
import { RECEPTION } from './reception.ts';
import { SURFACE } from './surface.ts';
import { TRACKING } from './tracking.ts';

export const CASES: readonly Case[] = [
  ...PACKETS,
  ...RECEPTION,
  ...ELECTIONS,
  ...FAILURES,
  ...TRACKING,
  ...SURFACE,
  ...BEYOND,
].sort((a, b) => a.number - b.number);
