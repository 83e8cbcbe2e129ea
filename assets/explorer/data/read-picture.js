// Reads a picture from a file with the browser's decoder.

/**
 * A picture with rgb (3, height, width) in [0, 1].
 * @typedef {{ width: number, height: number, rgb: Float32Array }} RgbPicture
 */

const LARGEST_FILE = 64e6; // bytes
const LONGEST = 1024; // px; larger pictures are reduced to this size: the images of the data are far smaller

const UNREADABLE = "This file is no picture that the browser can read; choose a PNG, JPEG, GIF or WebP.";

/**
 * @param {Blob} file
 * @returns {Promise<RgbPicture>}
 */
export async function readPicture(file) {
  if (file.size > LARGEST_FILE)
    throw new Error(`This file is larger than ${LARGEST_FILE / 1e6} MB; choose a smaller picture.`);
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Error(UNREADABLE);
  });
  const scale = Math.min(1, LONGEST / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height].map((n) => Math.max(1, Math.round(n * scale)));
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error(UNREADABLE);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return { width, height, rgb: opaque(context.getImageData(0, 0, width, height).data, width * height) };
}

/**
 * rgb (3, height, width) without transparency: behind dark ink the ground is white, behind bright ink black.
 * @param {Uint8ClampedArray} data r, g, b, a of every pixel
 * @param {number} plane number of pixels
 */
function opaque(data, plane) {
  let [light, cover] = [0, 0];
  for (let i = 0; i < plane; i++) {
    light += data[4 * i + 3] * (data[4 * i] + data[4 * i + 1] + data[4 * i + 2]);
    cover += data[4 * i + 3] * 3 * 255;
  }
  const behind = light > 0.5 * cover ? 0 : 1;
  const rgb = new Float32Array(3 * plane);
  for (let i = 0; i < plane; i++) {
    const alpha = data[4 * i + 3] / 255;
    for (let c = 0; c < 3; c++)
      rgb[c * plane + i] = alpha === 1 ? data[4 * i + c] / 255 : (alpha * data[4 * i + c]) / 255 + (1 - alpha) * behind;
  }
  return rgb;
}
