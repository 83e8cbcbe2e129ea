// Whole numbers as short text for a link: digits of base 32, of which a further bit says whether another digit follows.

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/**
 * A whole number as digits, the lowest first.
 * @param {number} v
 */
export function digitsOf(v) {
  let rest = v < 0 ? -2 * v - 1 : 2 * v;
  let digits = "";
  for (; rest > 31; rest >>= 5) digits += DIGITS[32 + (rest & 31)];
  return digits + DIGITS[rest];
}

/**
 * The numbers that digits stand for; null where these are not valid.
 * @param {string} digits
 */
export function numbersIn(digits) {
  /** @type {number[]} */
  const numbers = [];
  let [value, shift] = [0, 0];
  for (const digit of digits) {
    const place = DIGITS.indexOf(digit);
    if (place < 0 || shift > 20) return null;
    value |= (place & 31) << shift;
    shift += 5;
    if (place > 31) continue;
    numbers.push(value & 1 ? -(value + 1) / 2 : value / 2);
    [value, shift] = [0, 0];
  }
  return shift ? null : numbers;
}
