// Accounts, what they have credentials for, and how it is with each exchange. Credentials are sent, and can't be read back.
import { ask } from "./api.js";

const part = encodeURIComponent;

/** All accounts as `[{account_name, connectors}]`. */
export async function loadAccountsWithConnectors() {
  const names = await ask("GET", "/accounts");
  return Promise.all(names.map(async (account_name) => ({ account_name, connectors: await ask("GET", `/accounts/${part(account_name)}/credentials`) })));
}

/** How it is with an exchange. */
export const healthOf = (connector_name) => ask("GET", `/connectors/${part(connector_name)}/health`, { patience: 15_000 });

/** What the last comparison of an account with its exchange came to. */
export const reconciliationOf = (account_name, connector_name) =>
  ask("GET", `/accounts/${part(account_name)}/credentials/${part(connector_name)}/reconciliation`);

/** Try stored credentials against their exchange. */
export const testCredential = (account_name, connector_name) =>
  ask("POST", `/accounts/${part(account_name)}/credentials/${part(connector_name)}/test`);

/** The limits that are set, and what is used of them. */
export const loadLimits = () => ask("GET", "/safety/limits");

export const listConnectors = () => ask("GET", "/connectors");
export const fieldsOf = (connector_name) => ask("GET", `/connectors/${part(connector_name)}/config-map`);
export const addAccount = (account_name) => ask("POST", `/accounts/add-account?account_name=${part(account_name)}`);
export const deleteAccount = (account_name, force) => ask("POST", `/accounts/delete-account?account_name=${part(account_name)}&force=${force}`);
export const addCredential = (account_name, connector_name, credentials) =>
  ask("POST", `/accounts/add-credential/${part(account_name)}/${part(connector_name)}`, { body: credentials, patience: 40_000 });
export const deleteCredential = (account_name, connector_name, force) =>
  ask("POST", `/accounts/delete-credential/${part(account_name)}/${part(connector_name)}?force=${force}`);
