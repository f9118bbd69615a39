// The journal's events, as they come. After a disconnection the stream goes on behind the last event that was seen, so none is missed.
import { NoAnswer, open, Refusal } from "./api.js";

const FIRST_PAUSE = 300;
const LONGEST_PAUSE = 3000;

/**
 * Follow the events until `stop` is called. `onEvents` gets each batch in order. `onStart` is called whenever the stream begins at the
 * present, so that whoever shows a state loads it then. `onState` gets true when the stream is there and false when it is not.
 */
export function followEvents({ onEvents, onStart, onState }) {
  const ending = new AbortController();
  let since = null;
  let pause = FIRST_PAUSE;

  async function follow() {
    const response = await open("GET", `/trading/events${since === null ? "" : `?since=${since}`}`, { signal: ending.signal });
    // What happened before the stream began is in what is loaded now; what happens from now on is in the stream.
    if (since === null) await onStart();
    onState(true);
    pause = FIRST_PAUSE;
    let rest = "";
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      const messages = (rest + chunk).split("\n\n");
      rest = messages.pop();
      const events = messages.flatMap(read);
      if (events.length) onEvents(events);
    }
  }

  function read(message) {
    let data = null;
    for (const line of message.split("\n")) {
      if (line.startsWith("id:")) since = line.slice(3).trim();
      else if (line.startsWith("data:")) data = line.slice(5);
    }
    return data === null ? [] : [JSON.parse(data)];
  }

  (async () => {
    while (!ending.signal.aborted) {
      try {
        await follow();
      } catch (error) {
        // A connection that breaks off ends in a TypeError of the browser's.
        if (!(error instanceof NoAnswer || error instanceof Refusal || error instanceof TypeError || error.name === "AbortError")) throw error;
      }
      if (ending.signal.aborted) return;
      onState(false);
      await new Promise((resume) => setTimeout(resume, pause));
      pause = Math.min(pause * 2, LONGEST_PAUSE);
    }
  })();
  return () => ending.abort();
}
