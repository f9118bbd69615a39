// Starts the console.
import { html, render } from "./vendor/preact.js";
import { App } from "./components/app.js";
import { Guarded } from "./components/guarded.js";
import { resumeSession } from "./lib/session.js";

resumeSession();
render(html`<${Guarded}><${App} /></${Guarded}>`, document.getElementById("console"));
