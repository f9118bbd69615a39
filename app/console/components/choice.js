// One of a few words, as radio buttons: the arrow keys choose.
import { html } from "../vendor/preact.js";

export function Choice({ name, label, value, of, onChoose }) {
  return html`
    <fieldset class="choice" data-name=${name}>
      <legend>${label}</legend>
      ${of.map(
        (word) => html`<label key=${word} data-word=${word}>
          <input type="radio" name=${name} value=${word} checked=${word === value} onChange=${() => onChoose(word)} /><span>${word}</span>
        </label>`,
      )}
    </fieldset>
  `;
}
