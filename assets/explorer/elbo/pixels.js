// The pixels of an image as text for a link: one byte each, in base 64.

const LONGEST = 6000; // characters, at most
const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/**
 * Text of pixels that are multiples of 1/255; "" where it would be too long for a link.
 * @param {Float32Array} pixels
 */
export function textOfPixels(pixels) {
  if (Math.ceil((4 * pixels.length) / 3) > LONGEST) return "";
  let text = "";
  let [bits, held] = [0, 0];
  for (const value of pixels) {
    bits = (bits << 8) | Math.round(255 * value);
    for (held += 8; held >= 6; held -= 6) text += DIGITS[(bits >> (held - 6)) & 63];
    bits &= 63;
  }
  return held ? text + DIGITS[(bits << (6 - held)) & 63] : text;
}

/**
 * The pixels that a text stands for; null where it does not stand for so many.
 * @param {string | undefined} text
 * @param {number} count
 */
export function pixelsOfText(text, count) {
  if (!text || text.length > LONGEST || text.length !== Math.ceil((4 * count) / 3)) return null;
  const pixels = new Float32Array(count);
  let [bits, held, i] = [0, 0, 0];
  for (const digit of text) {
    const value = DIGITS.indexOf(digit);
    if (value < 0) return null;
    bits = (bits << 6) | value;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    pixels[i++] = ((bits >> held) & 255) / 255;
    bits &= 255;
  }
  return pixels;
}
