// What came of orders and cancels, minute by minute: a bar for each minute of the last hour, and the sums in words.
import { html } from "../vendor/preact.js";
import { now } from "../lib/polling.js";

const MINUTES = 60;
const MINUTE = 60_000;
const KINDS = ["accepted", "refused", "unknown"];
const [WIDTH, HEIGHT] = [600, 120];

export function Outcomes({ processes }) {
  const rows = processes.flatMap(({ outcomes }) => outcomes).filter(({ verb }) => verb !== "preview");
  const last = Math.floor(now.value / MINUTE);
  const bars = new Map();
  const sums = {};
  for (const { minute, outcome, connector, verb, count } of rows) {
    const age = last - Math.floor(Date.parse(minute) / MINUTE);
    if (age < 0 || age >= MINUTES) continue;
    const bar = bars.get(age) ?? { accepted: 0, refused: 0, unknown: 0 };
    bar[outcome] = (bar[outcome] ?? 0) + Number(count);
    bars.set(age, bar);
    const name = `${connector}, ${verb}`;
    sums[name] ??= { accepted: 0, refused: 0, unknown: 0 };
    sums[name][outcome] += Number(count);
  }
  const most = Math.max(1, ...[...bars.values()].map((bar) => KINDS.reduce((sum, kind) => sum + bar[kind], 0)));
  return html`
    <section class="card outcomes" aria-labelledby="outcomes-title">
      <h2 id="outcomes-title">Outcomes of the last hour</h2>
      <svg class="bars" viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label=${`Orders and cancels by minute, ${most} at most in one`}>
        ${[...bars].map(([age, bar]) => html`<${Bar} key=${age} age=${age} bar=${bar} most=${most} />`)}
      </svg>
      <dl>
        ${Object.entries(sums).map(([name, { accepted, refused, unknown }]) => html`<div key=${name}><dt>${name}</dt>
          <dd>${accepted} accepted, ${refused} refused, <span class=${unknown ? "doubt" : undefined}>${unknown} unknown</span></dd></div>`)}
      </dl>
      ${rows.length === 0 && html`<p class="hint">None.</p>`}
    </section>
  `;
}

function Bar({ age, bar, most }) {
  const width = WIDTH / MINUTES;
  let top = HEIGHT;
  return KINDS.map((kind) => {
    const height = (bar[kind] / most) * HEIGHT;
    top -= height;
    return html`<rect key=${kind} data-kind=${kind} x=${WIDTH - (age + 1) * width} y=${top} width=${width - 1} height=${height} />`;
  });
}
