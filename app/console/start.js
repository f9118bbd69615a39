// Starts the console.
import { html, render } from "./vendor/preact.js";
import { App } from "./components/app.js";
import { resumeSession } from "./lib/session.js";

resumeSession();
render(html`<${App} />`, document.getElementById("console"));
