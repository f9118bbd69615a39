// What the console uses of preact, its signals and htm, as one module.
import { h, render } from "preact";
import htm from "htm";

export { render };
export { useEffect, useErrorBoundary, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
export { batch, computed, effect, signal, useComputed, useSignal, useSignalEffect } from "@preact/signals";
export const html = htm.bind(h);
