// What the console uses of lightweight-charts, as one module.
export { CandlestickSeries, createChart, createSeriesMarkers, LineSeries } from "lightweight-charts";
