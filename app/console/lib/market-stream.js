// A market as it moves: book, trades and candles of one pair over one WebSocket, which is opened again whenever it is lost.
import { addressOf, exact } from "./api.js";

const FIRST_PAUSE = 300;
const LONGEST_PAUSE = 3000;
/** Milliseconds between pings, and how long nothing at all may come before the connection is taken for lost. */
const PING = 1000;
const SILENCE = 2500;

/**
 * Follow a market until the function that is returned is called. `onMessage` gets each message of the socket, its numbers as text;
 * `onState` gets true when the market is there and false when what is shown may be old.
 */
export function followMarket({ connector_name, trading_pair, interval, depth, candles }, { onMessage, onState }) {
  let socket;
  let pause = FIRST_PAUSE;
  let isEnded = false;
  let heardAt = 0;
  let timer = 0;

  function open() {
    const address = addressOf("/ws/market-data");
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    socket = new WebSocket(address);
    heardAt = Date.now();
    socket.onopen = () => {
      const market = { action: "subscribe", connector: connector_name, trading_pair, update_interval: 0.5 };
      for (const asked of [{ type: "order_book", depth }, { type: "candles", interval, max_records: candles }, { type: "trades" }]) {
        socket.send(JSON.stringify({ ...market, ...asked }));
      }
    };
    socket.onmessage = ({ data }) => {
      const message = exact(data);
      heardAt = Date.now();
      if (message.type === "subscribed") {
        pause = FIRST_PAUSE;
        onState(true);
      } else if (message.type !== "pong" && message.type !== "connected" && message.type !== "heartbeat") onMessage(message);
    };
    socket.onclose = lost;
  }

  function lost() {
    if (isEnded || timer) return;
    onState(false);
    timer = setTimeout(() => {
      timer = 0;
      open();
    }, pause);
    pause = Math.min(pause * 2, LONGEST_PAUSE);
  }

  const pinging = setInterval(() => {
    if (socket.readyState === WebSocket.OPEN) socket.send('{"action":"ping"}');
    if (Date.now() - heardAt < SILENCE || timer) return;
    socket.onclose = null;
    socket.close();
    lost();
  }, PING);
  open();
  return () => {
    isEnded = true;
    clearInterval(pinging);
    clearTimeout(timer);
    socket.onclose = null;
    socket.close();
  };
}
