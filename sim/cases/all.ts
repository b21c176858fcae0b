// Every scripted case: sim/server.test.ts runs them over the model, test/database/model.test.ts over real servers as well.
import { crashCases } from './crash.ts';
import { divergingCases } from './diverging.ts';
import type { Case } from './lab.ts';
import { relayCases } from './relay.ts';
import { waitingCases } from './waiting.ts';

export const cases: readonly Case[] = [...waitingCases, ...crashCases, ...divergingCases, ...relayCases];
