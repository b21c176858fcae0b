// Every fault that a drill can cause, and which of them suit a lab.

import { OperatorError } from '../../src/core/error.ts';
import type { Fault } from './fault.ts';
import { partitionFaults } from './partitionfaults.ts';
import { powerFaults } from './powerfaults.ts';
import { processFaults } from './processfaults.ts';
import { switchoverFaults } from './switchoverfaults.ts';

export const faults: readonly Fault[] = [
  ...processFaults,
  ...partitionFaults,
  ...powerFaults,
  ...switchoverFaults,
];

export function suits(fault: Fault, witness: boolean): boolean {
  return fault.witness === undefined || fault.witness === (witness ? 'with' : 'without');
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
