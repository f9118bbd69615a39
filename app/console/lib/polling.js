// Asking again and again, and knowing how old what is shown is.
import { signal } from "../vendor/preact.js";

/** Milliseconds after which something that should come every second is stale. */
export const STALE_MS = 3000;

/** The time, every half second; what shows an age reads it. */
export const now = signal(Date.now());
setInterval(() => {
  now.value = Date.now();
}, 500);

/**
 * Ask with `load` every `every` milliseconds while it is wanted. The signal holds `{value, at, error}`: what was found last, when, and
 * why the last attempt failed. `again` asks at once, unless a question is under way; `stop` ends it. A page that nobody sees asks
 * nothing.
 */
export function polled(load, every = 1000) {
  const state = signal({ value: null, at: 0, error: null });
  let timer;
  let stopped = false;
  let isAsking = false;
  const turn = async () => {
    if (!document.hidden) {
      isAsking = true;
      try {
        const value = await load();
        if (!stopped) state.value = { value, at: Date.now(), error: null };
      } catch (error) {
        if (!stopped) state.value = { ...state.value, error };
      }
      isAsking = false;
    }
    if (!stopped) timer = setTimeout(turn, every);
  };
  turn();
  return {
    state,
    again() {
      if (isAsking || stopped) return;
      clearTimeout(timer);
      turn();
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/** Whether what was found at `at` is too old to be shown as the present. Read within an effect or a component. */
export const isStale = (at, patience = STALE_MS) => now.value - at > patience;
