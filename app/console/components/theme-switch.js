// Dark or light: what the machine prefers, until somebody chooses.
import { effect, html, signal } from "../vendor/preact.js";

const KEPT = "ordergate.theme";
const ORDER = ["system", "dark", "light"];
/** The theme that was chosen: system, dark or light. */
export const theme = signal(ORDER.includes(localStorage.getItem(KEPT)) ? localStorage.getItem(KEPT) : "system");

effect(() => {
  document.documentElement.dataset.theme = theme.value;
  localStorage.setItem(KEPT, theme.value);
});

export function ThemeSwitch() {
  const next = ORDER[(ORDER.indexOf(theme.value) + 1) % ORDER.length];
  return html`<button type="button" class="quiet" onClick=${() => (theme.value = next)} aria-label=${`Theme: ${theme.value}. Change to ${next}`}>
    ${{ system: "◐", dark: "☾", light: "☀" }[theme.value]}
  </button>`;
}
