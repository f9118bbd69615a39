// A table that becomes a list of cards where there is no room for columns: every cell knows the name of its column.
import { html } from "../vendor/preact.js";

/**
 * `columns` are names, or `{name, isHidden, isNumber}`; `rows` are `{key, cells, ...attributes}`, whose cells stand in the order of
 * the columns.
 */
export function Table({ label, columns, rows, none = "None." }) {
  const heads = columns.map((column) => (typeof column === "string" ? { name: column } : column));
  return html`
    <div class="scroll" tabindex="0" role="region" aria-label=${`Table: ${label}`}>
      <table>
        <thead><tr>${heads.map(({ name, isHidden }) => html`<th key=${name} scope="col">${isHidden ? html`<span class="visually-hidden">${name}</span>` : name}</th>`)}</tr></thead>
        <tbody>
          ${rows.map(
            ({ key, cells, ...attributes }) => html`<tr key=${key} ...${attributes}>
              ${heads.map(({ name, isHidden, isNumber }, index) => html`<td key=${name} class=${isNumber ? "num" : undefined} data-label=${isHidden ? undefined : name}>${cells[index]}</td>`)}
            </tr>`,
          )}
        </tbody>
      </table>
      ${rows.length === 0 && html`<p class="hint">${none}</p>`}
    </div>
  `;
}
