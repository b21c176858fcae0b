// What the pair machine must know of the configuration. Times in milliseconds.

export interface PairSettings {
  readonly self: string;
  readonly peer: string;
  /** This node is the one that becomes the first writer of a new pair (the higher priority). */
  readonly preferred: boolean;
  /** `async`: nothing waits for the standby; what it had not received when the writer failed is lost, or is to be salvaged. */
  readonly durability: 'lossless' | 'async';
  /** How long a promotion looks for what a fallen writer had committed alone (asynchronous); null: it does not. */
  readonly tailMs: number | null;
  /** The other node is the preferred writer, and gets the role back when it can take it (vrrp.preempt). */
  readonly failback: boolean;
  /** What a full partition does without a witness. */
  readonly partition: 'availability' | 'consistency';
  /** The standby may decide to promote only this long after its last contact with a paired writer. */
  readonly promoteWithinMs: number;
  /** The writer goes alone no earlier than this after it last vouched to the standby. Always > promoteWithinMs. */
  readonly aloneAfterMs: number;
  /** The peer's manager counts as silent when a question to it has had no answer for this long. */
  readonly peerSilenceMsMax: number;
  /** How long a manager waits for a killed or frozen agent. */
  readonly agentGraceMs: number;
  /** How long a promotion waits for the applier, and a handover for its answer. */
  readonly drainMsMax: number;
  /** Whether failover.gateway is configured: then a node without its gateway promotes nothing. */
  readonly gatewayChecked: boolean;
  /** Whether a witness is configured: then the record in it decides, and no clocks are compared. */
  readonly witness: boolean;
  /** For so long after a failover no other one follows by itself. */
  readonly holdAfterFailoverMs: number;
  /** How long the standby hears no adverts before it calls the writer silent: for forecasts. */
  readonly masterDownMs: number;
}

/** A waiting operation is tried again after this long. */
export const RETRY_MS = 1000;
/** A takeover that failed before its claim is tried again after this long. */
export const TAKEOVER_RETRY_MS = 250;
/** How long a standby must be seen not to acknowledge before the writer asks to go alone. */
export const NOT_ACKNOWLEDGING_MS_MAX = 1000;
/** One question to the witness. */
export const WITNESS_MS_MAX = 1000;
/** An answer of the witness that is older than this says nothing of whether it can be reached. */
export const WITNESS_FRESH_MS_MAX = 3000;
/** With a witness, the writer goes alone when the standby was silent for this long. */
export const SILENT_STANDBY_MS_MAX = 1000;
/** How long the preferred node must have been fit to take over before it gets the role back. */
export const FIT_MS_MIN = 3000;
/** After an attempt to give the role back the next one waits for this long. */
export const FAILBACK_PAUSE_MS = 60_000;
/** A statement at a server that should answer at once. */
export const STATEMENT_MS_MAX = 1000;
/** Steps of a takeover that each must be short: a server that does not do them is not well. */
export const TAKEOVER_STEP_MS_MAX = 2000;
