// Accounts and their connectors: credentials, how it is with each exchange, and what the last comparison found.
import { html, useEffect, useMemo } from "../vendor/preact.js";
import { deleteAccount, loadAccountsWithConnectors } from "../lib/accounts.js";
import { polled } from "../lib/polling.js";
import { scopes } from "../lib/session.js";
import { AddAccount } from "./add-account.js";
import { AddCredential } from "./add-credential.js";
import { ConnectorCard } from "./connector-card.js";
import { DeleteButton } from "./delete-button.js";
import { Limits } from "./limits.js";

const EVERY = 10_000;
/** The account that always exists. */
const MASTER = "master_account";

export function Accounts() {
  const asked = useMemo(() => polled(loadAccountsWithConnectors, EVERY), []);
  useEffect(() => asked.stop, [asked]);
  const { value, error } = asked.state.value;
  const mayWrite = scopes.value.has("accounts:write");
  return html`
    <h1 class="visually-hidden">Accounts</h1>
    ${error && html`<p class="problem" role="alert">STALE: ${error.message}</p>`}
    ${value?.map(
      ({ account_name, connectors }) => html`
        <section class="card account" key=${account_name} aria-label=${`Account ${account_name}`}>
          <h2>${account_name}
            ${mayWrite && account_name !== MASTER &&
            html`<${DeleteButton} what=${`account ${account_name} and its credentials`} onDelete=${(force) => deleteAccount(account_name, force)} onDone=${asked.again} />`}
          </h2>
          ${connectors.length === 0 && html`<p class="hint">No credentials.</p>`}
          <div class="connectors">
            ${connectors.map((connector_name) => html`<${ConnectorCard} key=${connector_name} account_name=${account_name} connector_name=${connector_name} onChange=${asked.again} />`)}
          </div>
          ${mayWrite && html`<${AddCredential} account_name=${account_name} onDone=${asked.again} />`}
        </section>
      `,
    )}
    ${scopes.value.has("safety:read") && html`<${Limits} />`}
    ${mayWrite && html`<${AddAccount} onDone=${asked.again} />`}
  `;
}
