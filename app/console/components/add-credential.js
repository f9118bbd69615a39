// Gives an account credentials for a connector. They go to the gateway and are forgotten here: nothing shows or keeps them.
import { html, useEffect, useSignal } from "../vendor/preact.js";
import { addCredential, fieldsOf, listConnectors } from "../lib/accounts.js";

export function AddCredential({ account_name, onDone }) {
  const isOpen = useSignal(false);
  const connectors = useSignal([]);
  const chosen = useSignal("");
  const fields = useSignal({});
  const said = useSignal({ problem: "", note: "" });
  const isBusy = useSignal(false);
  const name = chosen.value;

  useEffect(() => {
    if (isOpen.value) listConnectors().then((names) => (connectors.value = names), tell);
  }, [isOpen.value]);
  useEffect(() => {
    fields.value = {};
    if (name) fieldsOf(name).then((found) => name === chosen.value && (fields.value = found), tell);
  }, [name]);

  function tell(error) {
    said.value = { problem: error.message, note: "" };
  }

  async function submit(event) {
    event.preventDefault();
    if (isBusy.value || !name) return;
    const form = event.currentTarget;
    const given = Object.fromEntries([...new FormData(form)].filter(([field, text]) => field in fields.value && text !== ""));
    isBusy.value = true;
    said.value = { problem: "", note: "The exchange is asked …" };
    try {
      const { message } = await addCredential(account_name, name, given);
      form.reset();
      chosen.value = "";
      said.value = { problem: "", note: message };
      onDone();
    } catch (error) {
      tell(error);
    } finally {
      isBusy.value = false;
    }
  }

  return html`
    <details class="add-credential" open=${isOpen.value} onToggle=${(event) => (isOpen.value = event.currentTarget.open)}>
      <summary>Add or replace credentials</summary>
      <form onSubmit=${submit} autocomplete="off">
        <label>Connector
          <input name="connector" list=${`connectors-${account_name}`} spellcheck=${false} autocapitalize="none"
            onChange=${(event) => (chosen.value = event.currentTarget.value.trim())} />
        </label>
        <datalist id=${`connectors-${account_name}`}>${connectors.value.map((each) => html`<option key=${each} value=${each} />`)}</datalist>
        ${Object.entries(fields.value).map(([field, rule]) => html`<${Field} key=${`${name} ${field}`} name=${field} rule=${rule} />`)}
        <p class="hint">They are tried against the exchange before they are stored, sealed, and never shown again.</p>
        <button type="submit" class="primary" aria-disabled=${!name || isBusy.value}>Try and store</button>
        <span class="hint" role="status">${said.value.note}</span>
        <p class="problem" role="alert">${said.value.problem}</p>
      </form>
    </details>
  `;
}

function Field({ name, rule }) {
  const label = `${name}${rule.required ? "" : " (may be left out)"}`;
  if (rule.allowed_values || rule.type === "bool") {
    const words = rule.allowed_values ?? ["true", "false"];
    return html`<label>${label} <select name=${name}>${!rule.required && html`<option value=""></option>`}${words.map((word) => html`<option key=${word} value=${word}>${word}</option>`)}</select></label>`;
  }
  const isSecret = rule.type === "SecretStr";
  return html`
    <label>${label} <input name=${name} type=${isSecret ? "password" : "text"} required=${rule.required} autocomplete=${isSecret ? "new-password" : "off"} spellcheck=${false} autocapitalize="none" /></label>
    ${rule.help && html`<p class="hint">${rule.help}</p>`}
  `;
}
