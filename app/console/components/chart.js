// Candles, our own orders as lines and our own fills as arrows. A drawing: what is exact stands in the tables beside it.
import { html, useEffect, useRef } from "../vendor/preact.js";
import { INTERVALS } from "../lib/market.js";
import { theme } from "./theme-switch.js";

export function Chart({ name, candles, interval, orders, fills }) {
  const box = useRef(null);
  const drawn = useRef(null);
  const shown = { candles, orders, fills, interval };
  const latest = useRef(shown);
  latest.current = shown;
  useEffect(() => {
    let isGone = false;
    let chart;
    // Loaded when the first chart is shown: no other page needs it.
    import("../vendor/charts.js").then((library) => {
      if (isGone) return;
      drawn.current = drawing(library, box.current);
      chart = drawn.current.chart;
      drawn.current.draw(latest.current);
    });
    return () => {
      isGone = true;
      drawn.current = null;
      chart?.remove();
    };
  }, [theme.value, name, interval]);
  useEffect(() => drawn.current?.draw(latest.current), [candles, orders, fills]);
  const last = candles.at(-1);
  return html`<div class="chart" ref=${box} role="img" data-candles=${candles.length} data-fills=${fills.length} data-orders=${orders.length}
    aria-label=${last ? `Candles of ${name}: the last closed at ${last.close}` : `Candles of ${name}`}></div>`;
}

function drawing({ CandlestickSeries, createChart, createSeriesMarkers }, box) {
  const colour = (variable) => getComputedStyle(document.documentElement).getPropertyValue(variable).trim();
  const [buy, sell, text, line, card] = ["--buy-text", "--sell-text", "--soft", "--line", "--card"].map(colour);
  const chart = createChart(box, {
    autoSize: true,
    layout: { background: { color: card }, textColor: text, attributionLogo: false },
    grid: { vertLines: { color: line }, horzLines: { color: line } },
    timeScale: { timeVisible: true, borderColor: line, rightOffset: 6 },
    rightPriceScale: { borderColor: line },
  });
  const series = chart.addSeries(CandlestickSeries, { upColor: buy, wickUpColor: buy, downColor: sell, wickDownColor: sell, borderVisible: false });
  const markers = createSeriesMarkers(series, []);
  let lines = [];
  let seen = { candles: [] };

  function draw(wanted) {
    drawCandles(wanted.candles);
    if (wanted.orders !== seen.orders) {
      for (const each of lines) series.removePriceLine(each);
      lines = wanted.orders.map(({ price, trade_type, amount }) =>
        series.createPriceLine({ price: Number(price), color: trade_type === "BUY" ? buy : sell, lineStyle: 2, title: `${trade_type} ${amount ?? ""}` }),
      );
    }
    if (wanted.fills !== seen.fills || wanted.candles !== seen.candles) markers.setMarkers(arrows(wanted));
    seen = wanted;
  }

  function drawCandles(candles) {
    const before = seen.candles;
    if (candles === before || candles.length === 0) return;
    // The growing candle is drawn alone: all of them would take the main thread's time.
    const isGrown = candles.length === before.length && candles[0].timestamp === before[0].timestamp;
    if (isGrown) series.update(point(candles.at(-1)));
    else {
      series.applyOptions({ priceFormat: formatOf(candles) });
      series.setData(candles.map(point));
    }
  }

  function arrows({ fills, interval, candles }) {
    const first = Number(candles[0]?.timestamp ?? Infinity);
    const step = INTERVALS[interval];
    return fills
      .map(({ timestamp, trade_type, amount }) => ({
        time: Math.floor(Date.parse(timestamp) / 1000 / step) * step,
        position: trade_type === "BUY" ? "belowBar" : "aboveBar",
        shape: trade_type === "BUY" ? "arrowUp" : "arrowDown",
        color: trade_type === "BUY" ? buy : sell,
        text: amount,
      }))
      .filter(({ time }) => time >= first)
      .sort((one, other) => one.time - other.time);
  }

  return { chart, draw };
}

const point = ({ timestamp, open, high, low, close }) => ({ time: Number(timestamp), open: Number(open), high: Number(high), low: Number(low), close: Number(close) });

function formatOf(candles) {
  const places = Math.min(12, Math.max(2, ...candles.slice(-20).map(({ close }) => close.split(".")[1]?.length ?? 0)));
  return { type: "price", precision: places, minMove: Number(`1e-${places}`) };
}
