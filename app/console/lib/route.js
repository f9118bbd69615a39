// Which page is shown: the part of the address after "#/", so that every page has a link.
import { signal } from "../vendor/preact.js";

const read = () => decodeURI(location.hash.replace(/^#\/?/, "")).split("/").filter(Boolean);

/** The parts of the page's path. */
export const route = signal(read());

addEventListener("hashchange", () => {
  route.value = read();
});

/** The link to a page. */
export const linkTo = (...parts) => `#/${parts.map(encodeURIComponent).join("/")}`;
