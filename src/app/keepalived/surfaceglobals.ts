// global_defs as the surface needs them: several such blocks count as one, and of a keyword the last one counts.

import type { KeepalivedConfig } from '../../config/keepalived/types.ts';

export type GlobalValues = NonNullable<
  KeepalivedConfig['reading']['values']['global_defs']
>[number]['value']['values'];

export const globalValues = ({ reading }: KeepalivedConfig): GlobalValues =>
  Object.assign({}, ...(reading.values.global_defs ?? []).map(({ value }) => value.values));
