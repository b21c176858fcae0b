// All cases in the order of their numbers.

import type { Case } from '../case.ts';
import { PACKETS } from './packets.ts';
import { RECEPTION } from './reception.ts';

export const CASES: readonly Case[] = [...PACKETS, ...RECEPTION].sort((a, b) => a.number - b.number);
