// One checker as a machine: when to look, how many failures count, when its word changes. SPEC.md beside this file has the table.
// The word goes to the pool machine (pool.ts) of the virtual server that the checker's real server belongs to.

export interface CheckSettings {
  readonly intervalMs: number;
  /** Further looks after a failure, before it counts. */
  readonly retries: number;
  readonly delayBeforeRetryMs: number;
  /** The first look comes after a random part of this. */
  readonly warmupMs: number;
  /** Down until its first success. */
  readonly alpha: boolean;
  readonly logAllFailures: boolean;
  /** The URLs of an HTTP check; 1 for every other. One look is at one of them. */
  readonly steps: number;
  /** The retries count for its first look too; otherwise a first failure is final, as in the C daemon for all kinds but SMTP. */
  readonly patientAtFirst: boolean;
  /** No interval between the steps while it is down. */
  readonly fastRecovery: boolean;
}

export type CheckPhase = 'new' | 'resting' | 'looking' | 'suspended';

export interface CheckState {
  readonly phase: CheckPhase;
  readonly up: boolean;
  /** Its word is based on a look. */
  readonly hasRun: boolean;
  /** In a row, since the last success, while up. */
  readonly failures: number;
  readonly step: number;
  /** Of the last failure; null after a success. */
  readonly because: string | null;
}

export type CheckEvent =
  /** `fraction`: random, from 0 up to but not including 1. */
  | { readonly kind: 'start'; readonly fraction: number }
  | { readonly kind: 'due' }
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed'; readonly because: string }
  /** ha_suspend: the host does not hold the address. */
  | { readonly kind: 'suspend' }
  | { readonly kind: 'resume' };

export type CheckAction =
  /** One timer: a new one takes the place of the old. */
  | { readonly kind: 'arm'; readonly delayMs: number }
  | { readonly kind: 'disarm' }
  | { readonly kind: 'look'; readonly step: number }
  /** The result of the look under way is not wanted any more. */
  | { readonly kind: 'abandon' }
  | { readonly kind: 'say-passed' }
  | { readonly kind: 'say-failed'; readonly because: string }
  /** After the last retry, in the place of say-failed; `retries` is 0 when none were made. */
  | { readonly kind: 'say-exhausted'; readonly because: string; readonly retries: number }
  /** The checker's word. `first`: it had none that was based on a look. */
  | { readonly kind: 'judge'; readonly up: boolean; readonly first: boolean };

export type CheckStep = readonly [CheckState, readonly CheckAction[]];

export const newCheck = (settings: CheckSettings): CheckState => ({
  phase: 'new',
  up: !settings.alpha,
  hasRun: false,
  failures: 0,
  step: 0,
  because: null,
});

type Handler<K extends CheckEvent['kind']> = (
  state: CheckState,
  event: Extract<CheckEvent, { kind: K }>,
  settings: CheckSettings,
) => CheckStep;

const stay = (state: CheckState): CheckStep => [state, []];
const rest = (state: CheckState, delayMs: number): CheckStep => [
  { ...state, phase: 'resting' },
  [{ kind: 'arm', delayMs }],
];

const start: Handler<'start'> = (state, { fraction }, { warmupMs }) =>
  rest(state, Math.floor(fraction * warmupMs));

const look: Handler<'due'> = (state) => [
  { ...state, phase: 'looking' },
  [{ kind: 'look', step: state.step }],
];

const passed: Handler<'passed'> = (state, _event, settings) => {
  const { intervalMs, steps, fastRecovery } = settings;
  const settled = state.up && state.hasRun;
  const next = { ...state, phase: 'resting', failures: 0, because: null } as const;
  if (!settled && state.step + 1 < steps)
    return [{ ...next, step: state.step + 1 }, [{ kind: 'arm', delayMs: fastRecovery ? 0 : intervalMs }]];
  const actions: CheckAction[] = settled
    ? []
    : [{ kind: 'say-passed' }, { kind: 'judge', up: true, first: !state.hasRun }];
  return [
    { ...next, up: true, hasRun: true, step: (state.step + 1) % Math.max(1, steps) },
    [...actions, { kind: 'arm', delayMs: intervalMs }],
  ];
};

const failed: Handler<'failed'> = (state, { because }, settings) => {
  const { intervalMs, delayBeforeRetryMs, logAllFailures } = settings;
  const retries = state.hasRun || settings.patientAtFirst ? settings.retries : 0;
  const next = { ...state, phase: 'resting', because } as const;
  const said: CheckAction = { kind: 'say-failed', because };
  if (state.up && state.failures < retries)
    return [
      { ...next, failures: state.failures + 1 },
      [...(logAllFailures ? [said] : []), { kind: 'arm', delayMs: delayBeforeRetryMs }],
    ];
  const news = state.up || !state.hasRun;
  const actions: CheckAction[] = news
    ? [
        { kind: 'say-exhausted', because, retries: state.failures },
        { kind: 'judge', up: false, first: !state.hasRun },
      ]
    : [];
  return [
    { ...next, up: false, hasRun: true, failures: 0, step: 0 },
    [...actions, { kind: 'arm', delayMs: intervalMs }],
  ];
};

const suspendResting: Handler<'suspend'> = (state) => [
  { ...state, phase: 'suspended' },
  [{ kind: 'disarm' }],
];
const suspendLooking: Handler<'suspend'> = (state) => [
  { ...state, phase: 'suspended' },
  [{ kind: 'abandon' }],
];
/** Whoever takes the address over wants to know at once what stands behind it. */
const resume: Handler<'resume'> = (state) => rest(state, 0);

const TABLE: {
  readonly [P in CheckPhase]: { readonly [K in CheckEvent['kind']]: Handler<K> };
} = {
  new: {
    start,
    due: stay,
    passed: stay,
    failed: stay,
    suspend: (s) => [{ ...s, phase: 'suspended' }, []],
    resume: stay,
  },
  resting: { start: stay, due: look, passed: stay, failed: stay, suspend: suspendResting, resume: stay },
  looking: { start: stay, due: stay, passed, failed, suspend: suspendLooking, resume: stay },
  suspended: { start: stay, due: stay, passed: stay, failed: stay, suspend: stay, resume },
};

export function stepCheck(state: CheckState, event: CheckEvent, settings: CheckSettings): CheckStep {
  const handler = TABLE[state.phase][event.kind] as Handler<typeof event.kind>;
  return handler(state, event as never, settings);
}

/**
 * A reload kept the checker and perhaps changed its pace: its word stays. When it had used up the retries that it may
 * make now, one more failure is enough.
 */
export function migrateCheck(old: CheckState, settings: CheckSettings): CheckState {
  return {
    ...old,
    phase: 'new',
    up: old.hasRun ? old.up : !settings.alpha,
    failures: Math.min(old.failures, settings.retries),
    step: old.step < settings.steps ? old.step : 0,
  };
}
