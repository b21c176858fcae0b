// The loop around a machine: event -> step -> actions -> perform. An action's result comes back as an event; events
// that arise while actions are performed wait their turn.

export interface Machine<State, Event> {
  readonly state: State;
  dispatch(event: Event): void;
}

export function runMachine<State, Event, Action>(options: {
  readonly initial: State;
  readonly step: (state: State, event: Event) => readonly [State, readonly Action[]];
  readonly perform: (action: Action, state: State) => void;
}): Machine<State, Event> {
  let state = options.initial;
  const queue: Event[] = [];
  let running = false;

  function drain(): void {
    for (let event = queue.shift(); event !== undefined; event = queue.shift()) {
      const [next, actions] = options.step(state, event);
      state = next;
      for (const action of actions) options.perform(action, state);
    }
  }

  return {
    get state() {
      return state;
    },
    dispatch(event) {
      queue.push(event);
      if (running) return;
      running = true;
      try {
        drain();
      } finally {
        running = false;
      }
    },
  };
}
