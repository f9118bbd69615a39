// Times as a person reads them.

/** An age given in milliseconds. */
export function ageText(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** Microseconds since 1970 of an ISO time, which `Date` cuts to milliseconds. */
export function microseconds(text) {
  const [, fraction = ""] = /\.(\d+)/.exec(text) ?? [];
  return Math.floor(Date.parse(text) / 1000) * 1_000_000 + Number(fraction.slice(0, 6).padEnd(6, "0"));
}

/** The time between two moments, in milliseconds. */
export const between = (earlier, later) => `${((microseconds(later) - microseconds(earlier)) / 1000).toFixed(1)} ms`;
