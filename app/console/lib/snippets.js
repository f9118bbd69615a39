// The order of the ticket as commands for programs, with its key: whoever runs one places the same order, once.
import { addressOf } from "./api.js";

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** A command for a shell. It asks for the password. */
export function curl(key, body, username) {
  return [
    `curl --request POST --url ${quoted(addressOf("/trading/orders").href)} --user ${quoted(username)}`,
    `  --header 'Content-Type: application/json' --header ${quoted(`Idempotency-Key: ${key}`)}`,
    `  --data ${quoted(JSON.stringify(body))}`,
  ].join(" \\\n");
}

/** A program in Python. It reads the password from the environment. */
export function python(key, body, username) {
  const terms = Object.entries(body)
    .map(([name, value]) => `        ${JSON.stringify(name)}: ${value === true ? "True" : value === false ? "False" : JSON.stringify(value)},`)
    .join("\n");
  return `import os

import requests

answer = requests.post(
    ${JSON.stringify(addressOf("/trading/orders").href)},
    headers={"Idempotency-Key": ${JSON.stringify(key)}},
    json={
${terms}
    },
    auth=(${JSON.stringify(username)}, os.environ["PASSWORD"]),
    timeout=60,
)
print(answer.status_code, answer.json())
`;
}
