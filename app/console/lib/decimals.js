// Exact decimals as text: a number is an integer and how many of its digits follow the point. Nothing is rounded unless it says so.

const FORM = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/;

/** `text` as `{units, scale}`, or null if it is no decimal number. */
export function parse(text) {
  const found = FORM.exec(String(text ?? "").trim());
  if (!found || !(found[2] || found[3])) return null;
  const [, sign, whole, fraction = "", exponent = "0"] = found;
  let units = BigInt(sign + (whole + fraction || "0"));
  let scale = fraction.length - Number(exponent);
  if (scale < 0) {
    units *= 10n ** BigInt(-scale);
    scale = 0;
  }
  return { units, scale };
}

/** The text of `{units, scale}`, without an exponent and without needless zeros. */
export function format({ units, scale }) {
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  const fraction = scale ? digits.slice(-scale).replace(/0+$/, "") : "";
  return `${units < 0n ? "-" : ""}${whole}${fraction ? `.${fraction}` : ""}`;
}

/** Whether `text` is a number greater than zero. */
export function isPositive(text) {
  const value = parse(text);
  return value !== null && value.units > 0n;
}

/** The product of two numbers given as text, or null. */
export function multiply(one, other) {
  const [a, b] = [parse(one), parse(other)];
  return a && b && format({ units: a.units * b.units, scale: a.scale + b.scale });
}

/** The sum of two numbers given as text, or null. */
export function add(one, other) {
  const [a, b] = [parse(one), parse(other)];
  if (!a || !b) return null;
  const scale = Math.max(a.scale, b.scale);
  return format({ units: at(a, scale) + at(b, scale), scale });
}

/** -1, 0 or 1 as `one` is less than, equal to or greater than `other`; null if either is no number. */
export function compare(one, other) {
  const [a, b] = [parse(one), parse(other)];
  if (!a || !b) return null;
  const scale = Math.max(a.scale, b.scale);
  const [left, right] = [at(a, scale), at(b, scale)];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Whether `text` is a whole number of `step`s. */
export function isMultiple(text, step) {
  const [a, b] = [parse(text), parse(step)];
  if (!a || !b || b.units <= 0n) return true;
  const scale = Math.max(a.scale, b.scale);
  return at(a, scale) % at(b, scale) === 0n;
}

/** `text` rounded to `places` digits after the point, halves away from zero: to be read, never to be sent. */
export function rounded(text, places) {
  const value = parse(text);
  if (value === null || value.scale <= places) return value === null ? null : format(value);
  const unit = 10n ** BigInt(value.scale - places);
  const size = value.units < 0n ? -value.units : value.units;
  const units = (size + unit / 2n) / unit;
  return format({ units: value.units < 0n ? -units : units, scale: places });
}

/** `text` without a sign. */
export function absolute(text) {
  return String(text).replace(/^-/, "");
}

function at({ units, scale }, wanted) {
  return units * 10n ** BigInt(wanted - scale);
}
