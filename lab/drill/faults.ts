// Every fault that a drill can cause, and which of them suit a lab.

import { OperatorError } from '../../src/core/error.ts';
import { clockFaults } from './clockfaults.ts';
import type { Fault } from './fault.ts';
import { partitionFaults } from './partitionfaults.ts';
import { powerFaults } from './powerfaults.ts';
import { processFaults } from './processfaults.ts';
import { serverFaults } from './serverfaults.ts';
import { switchoverFaults } from './switchoverfaults.ts';
import { witnessFaults } from './witnessfaults.ts';

export const faults: readonly Fault[] = [
  ...processFaults,
  ...serverFaults,
  ...partitionFaults,
  ...powerFaults,
  ...switchoverFaults,
  ...clockFaults,
  ...witnessFaults,
];

/** Whether a fault can be caused in a lab with so many witness hosts. */
export function suits({ witness }: Fault, witnesses: number): boolean {
  if (witness === undefined) return true;
  return { with: witnesses > 0, three: witnesses === 3, without: witnesses === 0 }[witness];
}

export function faultNamed(name: string): Fault {
  const fault = faults.find((f) => f.name === name);
  if (fault !== undefined) return fault;
  throw new OperatorError(
    'drill-fault',
    `There is no fault "${name}".`,
    `The faults: ${faults.map((f) => f.name).join(', ')}.`,
  );
}
